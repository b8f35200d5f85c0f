/// The thread of a process pool, which runs a process_loop. Without CAF.
#pragma once

#include <memory>
#include <thread>

#include <patio/actors/pool/pool_core.hpp>
#include <patio/actors/pool/process_inbox.hpp>
#include <patio/actors/pool/process_options.hpp>
#include <patio/functions/registry.hpp>

namespace patio {

class process_host {
public:
  /// `inbox` gets the core's signals. The registry must be locked.
  process_host(std::shared_ptr<pool_core> core, std::shared_ptr<process_inbox> inbox,
               registry functions, const process_pool_options& options);
  /// Kills the workers, and answers the calls that they run with errc::shut_down.
  ~process_host();
  process_host(const process_host&) = delete;
  process_host& operator=(const process_host&) = delete;

private:
  std::shared_ptr<process_inbox> inbox_;
  std::thread thread_;
};

} // namespace patio
