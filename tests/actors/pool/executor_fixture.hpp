/// For tests of executors without a broker: calls, functions that wait for each other, and a
/// function that occupies its worker.
#pragma once

#include <doctest/doctest.h>

#include <barrier>
#include <future>
#include <semaphore>

#include <patio/actors/os/clock.hpp>

#include "nodes.hpp"

namespace patio::tests {

using outcome = std::future<result<value>>;

[[nodiscard]] inline outcome start(const executor& pool, const std::string& name,
                                   std::vector<value> args = {}, instant deadline = never,
                                   std::stop_token stop = {}, task_owner owner = {}) {
  auto promise = std::make_shared<std::promise<result<value>>>();
  auto future = promise->get_future();
  reply answer{[promise](result<value> r) { promise->set_value(std::move(r)); }, errc::shut_down,
               std::move(stop)};
  pool.run(make_task(pool.functions().find(name), {std::move(args), {}}, deadline,
                     std::move(answer), owner));
  return future;
}

[[nodiscard]] inline error error_of(outcome&& o) {
  auto r = ended(o);
  REQUIRE_FALSE(r);
  return r.error();
}

/// A function that occupies its worker until the test opens the gate.
class gate {
public:
  void add_to(registry& rpc) {
    rpc.add("gate", [this] {
      started_.release();
      opened_.acquire();
    });
  }
  void await_started() { REQUIRE(started_.try_acquire_for(patience)); }
  void open() { opened_.release(); }

private:
  std::counting_semaphore<> started_{0}, opened_{0};
};

struct test_system {
  system_config config;
  caf::actor_system system{config};
};

/// Adds a function that waits at a barrier. Its calls end only if as many calls run at once as the
/// barrier expects.
inline void add_meeting(registry& rpc, std::barrier<>& place) {
  rpc.add("meet", [&place] { place.arrive_and_wait(); });
}

inline void check_that_n_run_at_once(const executor& pool, std::size_t n) {
  std::vector<outcome> all;
  for (std::size_t i = 0; i < n; ++i) all.push_back(start(pool, "meet"));
  for (auto& o : all) CHECK(ended(o));
}

using spawner = executor (*)(caf::actor_system&, const registry&, pool_options);

/// Runs the test with each kind of pool.
template <class F>
void with_each_pool(F test) {
  SUBCASE("async pool") { test(&spawn_async_pool); }
  SUBCASE("thread pool") { test(&spawn_thread_pool); }
}

} // namespace patio::tests
