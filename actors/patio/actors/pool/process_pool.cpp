#include <patio/actors/pool/process_pool.hpp>

#include <cstdlib>
#include <limits>
#include <stdexcept>

#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/pool/process_host.hpp>
#include <patio/actors/pool/process_messages.hpp>
#include <patio/actors/pool/worker_inputs.hpp>

namespace patio {
namespace {

struct process_pool_state {
  std::shared_ptr<pool_core> core;
  std::shared_ptr<process_host> host;

  // Runs however the pool ends, so that no caller is left without an answer.
  ~process_pool_state() {
    if (core) core->close();
    host.reset();
  }
};

caf::behavior process_pool(caf::stateful_actor<process_pool_state>* self,
                           std::shared_ptr<pool_core> core, std::shared_ptr<process_host> host) {
  self->state.core = std::move(core);
  self->state.host = std::move(host);
  ignore_unknown_messages(self);
  return {[self](shut_down_atom) { self->quit(); }};
}

// The core counts functions that answer later until their answer. In a process pool they hold a
// worker so long, so the number of workers bounds them.
pool_options core_options(const process_pool_options& options) {
  return {.workers = options.workers,
          .queue_per_worker = options.queue_per_worker,
          .max_blocked = 0,
          .max_deferred = std::numeric_limits<std::size_t>::max()};
}

// The inputs may outlive the pool.
void follow(replaceable_inputs& inputs, const std::shared_ptr<process_inbox>& inbox) {
  inputs.subscribe([weak = std::weak_ptr{inbox}] {
    if (auto target = weak.lock()) target->put({process_event::kind::replace});
  });
}

} // namespace

executor spawn_process_pool(caf::actor_system& sys, const registry& functions,
                            const process_pool_options& options) {
  if (std::getenv(worker_variable))
    throw std::logic_error{"this process is a worker of a process pool, but its main function has "
                           "not called patio::run_if_worker first"};
  if (functions.size() == 0) return null_executor(functions); // nothing to run
  auto table = functions;
  table.lock();
  auto inbox = std::make_shared<process_inbox>();
  auto core = std::make_shared<pool_core>(
    core_options(options),
    pool_core::signals{[inbox](std::size_t slot, std::uint64_t run) {
                         inbox->put({process_event::kind::run, {slot, run}});
                       },
                       [inbox] { inbox->put({process_event::kind::clean_up}); }});
  if (options.inputs) follow(*options.inputs, inbox);
  auto host = std::make_shared<process_host>(core, inbox, table, options);
  caf::actor actor = sys.spawn(process_pool, core, std::move(host));
  return {std::move(actor), std::move(core), std::move(table)};
}

} // namespace patio
