// A program of its own: its allocations can be made to fail.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "nodes.hpp"
#include "raw_peer.hpp"
#include "town.hpp"

namespace {

std::atomic<std::size_t> largest = SIZE_MAX; ///< that can be had

void* take(std::size_t n) {
  void* block = n > largest ? nullptr : std::malloc(n);
  if (!block) throw std::bad_alloc{};
  return block;
}

} // namespace

void* operator new(std::size_t n) { return take(n); }
void* operator new[](std::size_t n) { return take(n); }
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }

using namespace patio;
using namespace patio::tests;

TEST_CASE("tcp_broker: without memory for an answer it loses the connection that it is for, and nothing else") {
  registry rpc;
  rpc.add("large", [] {
    std::string text(std::size_t{4} << 20, 'x');
    value result{text};
    largest = std::size_t{1} << 20; // from now on: the broker has to write it
    return result;
  });
  rpc.add("two", [] { return 2; });
  tcp_node server{rpc};
  auto where = server.listen();
  raw_peer other{where}, unlucky{where};
  other.log_in_as_client();
  unlucky.log_in_as_client();
  unlucky.send(packet::request, 1, request("large"));
  unlucky.await_close();
  other.send(packet::request, 1, request("two"));
  CHECK(other.receive().type == packet::response);
  largest = SIZE_MAX;
  raw_peer next{where};
  next.log_in_as_client();
}
