// The end of the command in company that will not let it go: peers that never read, and a function
// that never ends.
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

/// A running command with a peer that has asked for more than fits into its sockets, and reads none
/// of it.
struct besieged {
  server node{{"--demo", "--executor", "thread"}};
  raw_peer peer{parse_endpoint(node.where()).value()};

  besieged() {
    peer.log_in_as_client();
    peer.send(packet::request, 1, request("sleep", {3600}));
    auto large = request("echo", {value::bytes(std::string(64'000, 'x'))});
    for (std::uint32_t serial = 2; serial < 152; ++serial)
      peer.send(packet::request, serial, large);
  }
};

} // namespace

TEST_CASE("patio serve: two hundred of it end in time, each with a peer that never reads and a "
          "function that never ends") {
  constexpr std::chrono::seconds limit{12};
  for (int round = 0; round < 4; ++round) {
    std::vector<std::unique_ptr<besieged>> all;
    for (int i = 0; i < 50; ++i) all.push_back(std::make_unique<besieged>());
    for (auto& b : all) b->node.child().signal(SIGTERM);
    for (auto& b : all) CHECK(b->node.child().wait(limit) == 0);
  }
}

TEST_CASE("patio: a signal ends every command that is no server at once") {
  server s;
  for (auto words : std::vector<std::vector<std::string>>{
         {"call", "sleep", "3600", "--connect", s.where()}, {"pickle", "explain"}}) {
    words.insert(words.begin(), PATIO_COMMAND);
    for (int number : {SIGINT, SIGTERM}) {
      process waits{words};
      waits.signal(number);
      CHECK(waits.wait() == -number);
    }
  }
}

TEST_CASE("patio serve: asked twice, it ends without waiting for what runs") {
  server s{{"--demo", "--executor", "thread"}};
  raw_peer peer{parse_endpoint(s.where()).value()};
  peer.log_in_as_client();
  peer.send(packet::request, 1, request("sleep", {3600}));
  peer.send(packet::request, 2, request("mul", {2}));
  CHECK(peer.receive().serial == 2); // so the first one runs
  s.child().signal(SIGTERM);
  auto accepts = [&] {
    try {
      raw_peer another{parse_endpoint(s.where()).value()};
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  while (accepts()) {} // until it drains
  s.child().signal(SIGTERM);
  CHECK(s.child().wait() == 6);
}
