/// All that a program needs: registry, executors, brokers, remote functions, calls.
#pragma once

#include <caf/all.hpp>

#include <patio/actors/actor_function.hpp>
#include <patio/actors/caf_error.hpp>
#include <patio/actors/call.hpp>
#include <patio/actors/executor.hpp>
#include <patio/actors/log.hpp>
#include <patio/actors/memory_broker.hpp>
#include <patio/actors/remote_function.hpp>
#include <patio/actors/system.hpp>
#include <patio/actors/tcp_broker.hpp>
#include <patio/actors/tls_files.hpp>
#include <patio/registry.hpp>
#include <patio/repr.hpp>
