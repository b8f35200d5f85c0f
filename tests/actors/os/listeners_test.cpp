// Listening on hosts with several addresses.
#include <doctest/doctest.h>

#include "listening.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

/// The addresses of a host that the resolver would answer in this order.
std::vector<address> host(const std::vector<endpoint>& all) {
  std::vector<address> addresses;
  for (const auto& where : all) addresses.push_back(resolve(where, true).value().at(0));
  return addresses;
}

std::vector<endpoint> bound(const listeners& all) {
  std::vector<endpoint> where;
  for (const auto& fd : all.sockets) where.push_back(local_endpoint(fd.get()));
  return where;
}

// 192.0.2.1 is reserved for documentation, so no machine has it.
const std::string foreign = "192.0.2.1";

} // namespace

TEST_CASE("listeners: port 0 takes one port for all addresses of a host, in both families") {
  auto all = listen_on({"host", 0}, host({{"127.0.0.1", 0}, {"::1", 0}, {"127.0.0.2", 0}}));
  REQUIRE(all);
  auto where = bound(*all);
  REQUIRE(where.size() == 3);
  CHECK(where[0].host == "127.0.0.1");
  CHECK(where[1].host == "::1");
  CHECK(where[2].host == "127.0.0.2");
  CHECK(where[0].port != 0);
  CHECK(where[1].port == where[0].port);
  CHECK(where[2].port == where[0].port);
  CHECK(all->left_out.empty());
  for (const auto& w : where) { // each accepts
    auto fd = begin_connect(resolve(w, false).value().at(0));
    CHECK(fd);
  }
}

TEST_CASE("listeners: where no port is free at all addresses, each address has its own") {
  // The same address twice has no port that is free for both.
  auto all = listen_on({"host", 0}, host({{"127.0.0.1", 0}, {"127.0.0.1", 0}}));
  REQUIRE(all);
  auto where = bound(*all);
  REQUIRE(where.size() == 2);
  CHECK(where[0].port != where[1].port);
}

TEST_CASE("listeners: an address that this machine does not have is left out, with the reason") {
  auto all = listen_on({"host", 0}, host({{foreign, 0}, {"127.0.0.1", 0}}));
  REQUIRE(all);
  REQUIRE(bound(*all).size() == 1);
  CHECK(bound(*all)[0].host == "127.0.0.1");
  CHECK(all->left_out == std::vector<std::string>{"192.0.2.1:0: Cannot assign requested address"});
}

TEST_CASE("listeners: a host without any address of this machine is an error") {
  auto none = listen_on({"host", 80}, host({{foreign, 80}, {"203.0.113.7", 80}}));
  REQUIRE_FALSE(none);
  CHECK(none.error().code == errc::connect_failed);
  CHECK(none.error().message
        == "cannot listen on host:80: 192.0.2.1:80: Cannot assign requested address");
}

TEST_CASE("listeners: one address that is in use is an error, which names the address") {
  auto taken = bound_socket({"::1", 0});
  auto port = local_endpoint(taken.get()).port;
  auto half = listen_on({"host", port}, host({{"127.0.0.1", port}, {"::1", port}}));
  REQUIRE_FALSE(half);
  CHECK(half.error().message
        == "cannot listen on host:" + std::to_string(port) + ": [::1]:" + std::to_string(port)
             + ": Address already in use");
  CHECK(listen_on({"127.0.0.1", port})); // the address that was free is free again
}

TEST_CASE("listeners: a numeric address is named once in its error") {
  auto taken = bound_socket({"127.0.0.1", 0});
  auto where = local_endpoint(taken.get());
  auto again = listen_on(where);
  REQUIRE_FALSE(again);
  CHECK(again.error().message
        == "cannot listen on " + to_string(where) + ": Address already in use");
}
