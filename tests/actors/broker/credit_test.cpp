// Credit between real nodes: bursts wait at the caller, and go to the node that has room first.
#include "nodes.hpp"

#include <atomic>
#include <chrono>
#include <vector>

using namespace patio;
using namespace patio::tests;

namespace {

/// Computes for 20 us.
std::int64_t compute(std::int64_t n) {
  auto end = std::chrono::steady_clock::now() + std::chrono::microseconds{20};
  while (std::chrono::steady_clock::now() < end) {}
  return n;
}

registry computing() {
  registry rpc;
  rpc.add("compute", compute);
  return rpc;
}

/// Makes all calls at once, and returns how many ended as they should.
std::size_t burst(tcp_node& caller, std::int64_t count) {
  std::vector<call_future<std::int64_t>> calls;
  for (std::int64_t n = 0; n < count; ++n)
    calls.push_back(call<std::int64_t>(caller.broker(), "compute", n));
  std::size_t good = 0;
  for (std::int64_t n = 0; n < count; ++n) try {
      good += ended(calls[static_cast<std::size_t>(n)]) == n;
    } catch (const call_error&) {}
  return good;
}

/// Functions of a server that takes as many calls as it gets, but does not answer before the test
/// says so.
class stuck {
public:
  std::int64_t run(std::int64_t n) {
    ++begun_;
    std::unique_lock lock{mutex_};
    changed_.wait_for(lock, patience, [&] { return is_free_; });
    return n;
  }
  void release() {
    std::lock_guard lock{mutex_};
    is_free_ = true;
    changed_.notify_all();
  }
  [[nodiscard]] std::int64_t begun() const noexcept { return begun_; }

private:
  std::atomic<std::int64_t> begun_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool is_free_ = false;
};

} // namespace

TEST_CASE("credit: none of 16,384 calls in flight is refused on default settings") {
  tcp_node server{computing(), {}, {}}, caller;
  caller.connect(server.listen());
  CHECK(burst(caller, 16'384) == 16'384);
}

TEST_CASE("credit: none of 16,384 calls in flight is refused by a pool whose queue is small") {
  tcp_node server{computing(), {}, {.workers = 4, .queue_per_worker = 16}}, caller;
  caller.connect(server.listen());
  CHECK(burst(caller, 16'384) == 16'384);
}

TEST_CASE("credit: callers share a small queue, and none of their calls is refused") {
  tcp_node server{computing(), {}, {.workers = 4, .queue_per_worker = 16}};
  auto where = server.listen();
  tcp_node first, second, third;
  std::vector<std::future<std::size_t>> all;
  for (auto* caller : {&first, &second, &third}) {
    caller->connect(where);
    all.push_back(std::async(std::launch::async, [caller] { return burst(*caller, 1'000); }));
  }
  for (auto& each : all) CHECK(ended(each) == 1'000);
}

TEST_CASE("credit: calls go to the node that has room, however many another node could hold") {
  stuck slow;
  std::atomic<std::int64_t> fast = 0;
  registry of_slow, of_fast;
  of_slow.add("f", [&](std::int64_t n) { return slow.run(n); });
  of_fast.add("f", [&](std::int64_t n) {
    ++fast;
    return n;
  });
  tcp_node slow_node{of_slow, {}, {.workers = 1}}, fast_node{of_fast, {}, {.workers = 1}}, caller;
  caller.connect(slow_node.listen());
  caller.connect(fast_node.listen());
  constexpr std::int64_t count = 2'000, most_at_slow = 1 + 16; // one runs, and a window waits
  std::atomic<std::int64_t> finished = 0;
  std::promise<void> most_finished;
  for (std::int64_t n = 0; n < count; ++n)
    call_async(caller.broker(), {"f", {{n}, {}}, {}}, {}, [&](result<value> r) {
      CHECK(r);
      if (++finished == count - most_at_slow) most_finished.set_value();
    });
  ended(most_finished.get_future());
  CHECK(slow.begun() <= 1);
  CHECK(fast >= count - most_at_slow);
  slow.release();
  while (finished < count) std::this_thread::yield();
}

TEST_CASE("credit: calls without a timeout that wait for credit end with their connection") {
  stuck slow;
  registry rpc;
  rpc.add("f", [&](std::int64_t n) { return slow.run(n); });
  auto server = std::make_unique<tcp_node>(
    rpc, tcp_options{.limits = {.drain_timeout = std::chrono::milliseconds{1}}},
    pool_options{.workers = 1});
  tcp_node caller{registry{}, {.limits = {.route_timeout = std::chrono::milliseconds{10}}}};
  caller.connect(server->listen());
  std::vector<call_future<std::int64_t>> calls;
  for (std::int64_t n = 0; n < 100; ++n)
    calls.push_back(call<std::int64_t>(caller.broker(), "f", n));
  std::thread end{[&] { server.reset(); }};
  std::map<errc, int> endings;
  for (auto& c : calls) ++endings[failure(std::move(c)).code];
  slow.release();
  end.join();
  CHECK(endings[errc::no_route] > 50);
}
