// Calls that a receiver of an answer makes on the broker's thread.
#include "nodes.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <thread>

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

/// A server of "inc", and a caller that is connected to it.
struct two_nodes {
  two_nodes() { caller.connect(server.listen()); }
  static registry functions() {
    registry rpc;
    rpc.add("inc", [](std::int64_t n) { return n + 1; }, {.quick = true});
    return rpc;
  }
  tcp_node server{functions()};
  tcp_node caller;
};

/// Calls a function with each answer of the call before, on one thread.
class chain {
public:
  chain(broker_actor broker, std::int64_t length) : broker_{std::move(broker)}, length_{length} {}
  std::future<result<std::int64_t>> start() {
    call(0);
    return ended_.get_future();
  }
  std::size_t threads = 0;

private:
  void call(std::int64_t n) {
    call_async(broker_, {"inc", {{n}, {}}, {}}, {}, [this](result<value> r) {
      auto here = std::this_thread::get_id();
      if (here != std::exchange(thread_, here)) ++threads;
      if (!r) return ended_.set_value(tl::unexpected(std::move(r.error())));
      auto next = r->as_int64().value();
      if (next == length_) ended_.set_value(next);
      else call(next);
    });
  }

  broker_actor broker_;
  std::int64_t length_;
  std::thread::id thread_ = {};
  std::promise<result<std::int64_t>> ended_;
};

} // namespace

TEST_CASE("direct calls: a receiver of an answer calls again on the broker's thread") {
  two_nodes nodes;
  chain calls{nodes.caller.broker(), 1'000};
  auto last = ended(calls.start());
  REQUIRE_MESSAGE(last, text_of(last.error()));
  CHECK(*last == 1'000);
  CHECK(calls.threads == 1);
}

TEST_CASE("direct calls: a receiver that calls another broker sends it a message") {
  two_nodes nodes;
  tcp_node other{two_nodes::functions()}, beyond;
  beyond.connect(other.listen());
  std::promise<result<value>> twice;
  call_async(nodes.caller.broker(), {"inc", {{1}, {}}, {}}, {}, [&](result<value> r) {
    call_async(beyond.broker(), {"inc", {{r.value()}, {}}, {}}, {},
               [&](result<value> second) { twice.set_value(std::move(second)); });
  });
  CHECK(ended(twice.get_future()).value() == value{3});
}

// Otherwise the receiver and the broker would take turns without end.
TEST_CASE("direct calls: a receiver that calls again at every refusal lets other messages in") {
  tcp_options options;
  options.limits.route_timeout = 0s;
  tcp_node node{registry{}, options};
  std::atomic<bool> is_enough = false;
  std::promise<void> stopped;
  std::function<void()> insist = [&] {
    call_async(node.broker(), {"nobody.serves.it", {}, {}}, {}, [&](const result<value>& r) {
      CHECK(r.error().code == errc::no_route);
      if (is_enough) stopped.set_value();
      else insist();
    });
  };
  insist();
  CHECK(node.peers().empty());
  is_enough = true;
  CHECK(stopped.get_future().wait_for(patience) == std::future_status::ready);
}
