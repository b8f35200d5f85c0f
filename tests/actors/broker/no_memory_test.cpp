// Brokers that run out of memory. This is a separate program, because it replaces operator new.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include <patio/actors/broker/answer_box.hpp>

#include "broker_under_attack.hpp"
#include "net/line_server.hpp"
#include "nodes.hpp"
#include "raw_peer.hpp"

namespace {

std::atomic<std::size_t> largest = SIZE_MAX; ///< a larger allocation fails

void* allocate(std::size_t n) {
  void* block = n > largest ? nullptr : std::malloc(n);
  if (!block) throw std::bad_alloc{};
  return block;
}

} // namespace

void* operator new(std::size_t n) { return allocate(n); }
void* operator new[](std::size_t n) { return allocate(n); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;

namespace {

/// A node with two peers. The node will run out of memory for `unlucky`, and must still serve
/// `other`.
struct scarce_node {
  tcp_node server;
  endpoint where = server.listen();
  raw_peer other{where}, unlucky{where};

  explicit scarce_node(const registry& functions = two()) : server{functions} {
    other.log_in_as_client();
    unlucky.log_in_as_client();
  }
  ~scarce_node() { largest = SIZE_MAX; }
  void check_undisturbed() {
    other.send(packet::request, 1, request("two"));
    CHECK(other.receive().type == packet::response);
    largest = SIZE_MAX;
    raw_peer next{where};
    next.log_in_as_client();
  }
  static registry two() {
    registry rpc;
    rpc.add("two", [] { return 2; });
    return rpc;
  }
};

} // namespace

TEST_CASE("pickle_result: a worker whose memory is short still gets an answer for the caller") {
  value large{std::string(std::size_t{4} << 20, 'x')};
  largest = std::size_t{1} << 20;
  auto pickled = pickle_result(large, {});
  largest = SIZE_MAX;
  REQUIRE_FALSE(pickled);
  CHECK(pickled.error().message == "out of memory");
}

TEST_CASE(
  "tcp_broker: a result that cannot be pickled for lack of memory fails only its own call") {
  auto rpc = scarce_node::two();
  rpc.add("large", [] {
    std::string text(std::size_t{4} << 20, 'x');
    value result{text};
    largest = std::size_t{1} << 20; // so that pickling the result fails
    return result;
  });
  scarce_node node{rpc};
  node.unlucky.send(packet::request, 1, request("large"));
  auto answer = node.unlucky.receive();
  CHECK(answer.type == packet::error);
  CHECK(answer.payload.find("the result cannot be sent: out of memory") != std::string::npos);
  node.unlucky.send(packet::request, 2, request("two"));
  CHECK(node.unlucky.receive().type == packet::response);
  node.check_undisturbed();
}

TEST_CASE("tcp_broker: a frame for which there is no memory closes its connection") {
  scarce_node node;
  auto large = frame_of(packet::request, 1, std::string(std::size_t{4} << 20, 'x'));
  largest = std::size_t{1} << 20;
  node.unlucky.send_until_closed(large);
  node.check_undisturbed();
}

TEST_CASE("tcp_broker: a frame that runs out of memory while it is decoded closes its connection") {
  scarce_node node;
  std::string numbers = "\x80\x04(";
  for (int i = 0; i < 100'000; ++i) numbers += "K\1";
  auto large = frame_of(packet::request, 1, numbers + "t.");
  largest = std::size_t{1} << 20; // less than the decoded values need
  node.unlucky.send_until_closed(large);
  node.check_undisturbed();
}

TEST_CASE(
  "stream: a write that runs out of memory accepts only the bytes that the kernel has accepted") {
  line_server server;
  auto client = server.connect();
  std::string bytes(std::size_t{16} << 20, 'x');
  auto accepted = server.run([&bytes](line_broker& b) {
    largest = std::size_t{1} << 20;
    auto done = b.stream->write(bytes);
    largest = SIZE_MAX;
    CHECK_FALSE(done.backlog.congestion_changed);
    CHECK(b.stream->backlog_bytes() == 0);
    CHECK(b.stream->sent_bytes() == done.accepted);
    return done.accepted;
  });
  CHECK(accepted < bytes.size());
  CHECK(client.read(accepted).size() == accepted);
  client.send("still here\n");
  CHECK(client.read(11) == "ereh llits\n");
}
