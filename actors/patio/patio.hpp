/// The public header of patio with CAF: registry, executors, brokers, calls and remote functions.
/// A program without actors includes only <patio/core.hpp>.
#pragma once

#include <caf/all.hpp>

#include <patio/core.hpp>

#include <patio/actors/broker/memory_broker.hpp>
#include <patio/actors/broker/owned_broker.hpp>
#include <patio/actors/broker/rabbitmq_broker.hpp>
#include <patio/actors/broker/redis_broker.hpp>
#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/system.hpp>
#include <patio/actors/client/call.hpp>
#include <patio/actors/client/remote_function.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/actors/os/memory_trimmer.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/os/tls_files.hpp>
#include <patio/actors/pool/actor_function.hpp>
#include <patio/actors/pool/executor.hpp>
#include <patio/actors/pool/executors.hpp>
#include <patio/actors/pool/process_pool.hpp>
#include <patio/actors/pool/worker_pool.hpp>
#include <patio/actors/service/service.hpp>
#include <patio/protocol/limit_table.hpp>
