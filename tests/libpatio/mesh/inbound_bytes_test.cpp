// limits::inbound_bytes bounds the memory that the arguments of one connection's calls hold.
#include <doctest/doctest.h>

#include <patio/pickle/pickle.hpp>

#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"

using patio::value;

namespace {

/// The memory that the arguments of slow(1) take, as the node counts them.
std::size_t bytes_of_a_call() {
  std::size_t decoded = 0;
  REQUIRE(patio::read_call_request(pickled_call("slow", {1}), {}, {}, &decoded));
  return decoded;
}

struct bounded_nodes : two_nodes {
  explicit bounded_nodes(std::size_t inbound_bytes)
      : two_nodes{
        {}, // without credit, because a caller with credit holds a call that has no room
        {.limits = {.inbound_bytes = inbound_bytes}, .extensions = {true, true, true, false}}} {
    server.hold = true;
  }
  void call(std::uint64_t token) {
    caller.node.call(token, calling("slow", {1}), now);
    settle();
  }
  void answer_next() {
    server.run(std::exchange(server.held.front(), {}));
    server.held.pop_front();
    settle();
  }
};

} // namespace

TEST_CASE(
  "inbound bytes: the decoded arguments of running calls count until the calls are answered") {
  auto decoded = bytes_of_a_call();
  bounded_nodes m{2 * decoded};
  m.call(1);
  m.call(2);
  CHECK(m.server.held.size() == 2);
  m.call(3);
  auto refused = "overloaded: the arguments of this connection's calls take "
                 + std::to_string(2 * decoded) + " bytes";
  CHECK(m.caller.fate(3) == "overloaded: peer node1:15383: " + refused);
  CHECK(m.server.logged.back()
        == "node0:1: REQUEST 5 refused: too many calls are waiting: " + refused
             + " (limit inbound_bytes=" + std::to_string(2 * decoded) + ", exceeded 1 times)");
  m.answer_next();
  CHECK(m.caller.fate(1) == "1");
  m.call(4);
  CHECK(m.server.held.size() == 2);
}

TEST_CASE("inbound bytes: a call that exceeds the limit by one byte is refused, but the only call "
          "never is") {
  auto decoded = bytes_of_a_call();
  bounded_nodes less{2 * decoded - 1};
  less.call(1);
  less.call(2);
  CHECK(less.server.held.size() == 1);
  bounded_nodes least{1};
  least.call(1);
  CHECK(least.server.held.size() == 1);
  least.call(2);
  CHECK(least.caller.code(2) == "overloaded");
  least.answer_next();
  least.call(3);
  CHECK(least.server.held.size() == 1);
}

TEST_CASE(
  "inbound bytes: a call's bytes count until it is answered and its arguments are destroyed") {
  bounded_nodes m{1};
  m.call(1);
  auto work = std::move(m.server.held.front());
  m.server.held.pop_front();
  SUBCASE("the arguments are destroyed first") {
    work.reservation.reset();
    m.call(2);
    CHECK(m.caller.code(2) == "overloaded");
    m.server.node.answer(work.id, value{1});
  }
  SUBCASE("the answer is sent first") {
    m.server.node.answer(work.id, value{1});
    m.settle();
    m.call(2);
    CHECK(m.caller.code(2) == "overloaded");
    work.reservation.reset();
  }
  m.settle();
  m.call(3);
  CHECK(m.server.held.size() == 1);
}

TEST_CASE("inbound bytes: quick calls do not count") {
  bounded_nodes m{1};
  m.call(1);
  for (std::uint64_t token = 2; token < 102; ++token)
    m.caller.node.call(token, calling("echo", {1}), m.now);
  m.settle();
  CHECK(m.caller.code(101) == "overloaded"); // only the held call counts
  m.answer_next();
  for (std::uint64_t token = 102; token < 202; ++token)
    m.caller.node.call(token, calling("echo", {1}), m.now);
  m.settle();
  for (std::uint64_t token = 102; token < 202; ++token) CHECK(m.caller.fate(token) == "1");
}
