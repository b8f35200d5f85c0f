// How the command ends while a peer never reads or a function never ends.
#include <memory>
#include <vector>

#include <csignal>

#include <patio/pickle/pickle.hpp>
#include <patio/protocol/endpoint.hpp>

#include "cli.hpp"
#include "raw_peer.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace patio::tests::cli;

namespace {

std::string request(const std::string& name, std::vector<value> args) {
  std::string payload;
  REQUIRE(write_call_request({name, {std::move(args), {}}, {}}, payload));
  return payload;
}

/// A server with a peer that never reads. The peer has sent one call that never ends, and calls
/// whose results do not fit into the sockets.
struct server_with_stalled_peer {
  server node{{"--demo", "--executor", "thread"}};
  raw_peer peer{parse_endpoint(node.where()).value()};

  server_with_stalled_peer() {
    peer.log_in_as_client();
    peer.send(packet::request, 1, request("sleep", {3600}));
    auto large = request("echo", {value::bytes(std::string(64'000, 'x'))});
    for (std::uint32_t serial = 2; serial < 152; ++serial)
      peer.send(packet::request, serial, large);
  }
};

} // namespace

TEST_CASE("patio serve: fifty servers end in time, each with a peer that never reads and a "
          "function that never ends") {
  constexpr std::chrono::seconds limit{12};
  std::vector<std::unique_ptr<server_with_stalled_peer>> servers;
  for (int i = 0; i < 50; ++i) servers.push_back(std::make_unique<server_with_stalled_peer>());
  for (auto& s : servers) s->node.child().signal(SIGTERM);
  for (auto& s : servers) CHECK(s->node.child().wait(limit) == 0);
}

TEST_CASE("patio: SIGINT and SIGTERM end every command but serve at once") {
  server s;
  for (auto command : std::vector<std::vector<std::string>>{
         {"call", "sleep", "3600", "--connect", s.where()}, {"pickle", "explain"}}) {
    command.insert(command.begin(), PATIO_COMMAND);
    for (int number : {SIGINT, SIGTERM}) {
      process waiting{command};
      waiting.signal(number);
      CHECK(waiting.wait() == -number);
    }
  }
}

TEST_CASE("patio serve: a second SIGTERM ends it without waiting for the running functions") {
  server s{{"--demo", "--executor", "thread"}};
  raw_peer peer{parse_endpoint(s.where()).value()};
  peer.log_in_as_client();
  peer.send(packet::request, 1, request("sleep", {3600}));
  peer.send(packet::request, 2, request("mul", {2}));
  // The node reads the requests in order. After the second answer it has the first request too.
  CHECK(peer.receive().serial == 2);
  s.child().signal(SIGTERM);
  auto accepts = [&] {
    try {
      raw_peer another{parse_endpoint(s.where()).value()};
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  while (accepts()) {} // the drain has begun when the node accepts no more
  s.child().signal(SIGTERM);
  CHECK(s.child().wait() == 6);
}
