#include <patio/actors/pool/pool_actor.hpp>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/interfaces.hpp>
#include <patio/actors/caf/weak_send.hpp>

namespace patio {
namespace {

/// (atom, worker number, run number): the core has started a run on a worker that does not exist.
using spawn_atom = caf::atom_constant<caf::atom("spawn")>;
/// At least one task that waits has been stopped.
using clean_up_atom = caf::atom_constant<caf::atom("cleanup")>;
/// Short tasks have waited for a busy worker for pool_core::stall.
using check_atom = caf::atom_constant<caf::atom("check")>;

struct pool_state {
  caf::event_based_actor* self = nullptr;
  worker_config config;

  // Runs however the pool ends, so that no caller is left without an answer.
  ~pool_state() {
    if (config.core) config.core->close();
    if (config.workers) config.workers->end_all();
  }

  void spawn(std::size_t worker, std::uint64_t run) {
    if (config.workers->start(worker, run)) return;
    config.workers->add(worker, spawn_worker(self, config, worker));
    (void)config.workers->start(worker, run);
  }
};

caf::behavior pool(caf::stateful_actor<pool_state>* self, const worker_config& config) {
  auto& s = self->state;
  s.self = self;
  s.config = config;
  ignore_unknown_messages(self);
  self->set_down_handler([&s](caf::down_msg& down) {
    if (auto worker = s.config.workers->remove(down.source)) s.config.core->lost(*worker);
  });
  return {
    [&s](spawn_atom, std::size_t worker, std::uint64_t run) { s.spawn(worker, run); },
    [&s](clean_up_atom) { s.config.core->drop_stopped(); },
    [&s](check_atom) { s.config.core->check_progress(); },
    [self](shut_down_atom) { self->quit(); },
  };
}

} // namespace

executor spawn_pool(caf::actor_system& sys, const registry& functions, const pool_options& options,
                    worker_thread thread) {
  auto workers = std::make_shared<worker_table>();
  auto pool_address = std::make_shared<caf::actor_addr>(); // set before the first task comes
  auto core = std::make_shared<pool_core>(
    options,
    pool_core::signals{[workers, pool_address](std::size_t worker, std::uint64_t run) {
                         if (!workers->start(worker, run))
                           send_if_alive(*pool_address, spawn_atom::value, worker, run);
                       },
                       [pool_address] { send_if_alive(*pool_address, clean_up_atom::value); },
                       [pool_address] {
                         delayed_send_if_alive(*pool_address, pool_core::stall, check_atom::value);
                       }});
  caf::actor actor = sys.spawn(pool, worker_config{core, workers, functions, thread});
  *pool_address = actor.address();
  return {std::move(actor), std::move(core), functions};
}

} // namespace patio
