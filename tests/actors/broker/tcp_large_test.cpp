// Large payloads, which a broker decodes and writes on other threads than the I/O thread. They keep
// their order and are complete.
#include <doctest/doctest.h>

#include <map>

#include "broker_under_attack.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;

namespace {

std::string text_of(std::uint32_t serial) {
  return std::string(serial % 3 == 0 ? 10 : 200'000 + serial, static_cast<char>('a' + serial % 26));
}

} // namespace

TEST_CASE("tcp_broker: large requests in a row, with small ones between them, are all answered") {
  broker_under_attack t;
  std::vector<raw_peer> peers;
  constexpr std::uint32_t requests = 30;
  for (int i = 0; i < 4; ++i) {
    auto& peer = peers.emplace_back(t.where);
    peer.log_in_as_client();
    // This peer does not read while it sends, so no more may be in flight than the buffers of the
    // kernel hold.
    for (std::uint32_t serial = 10; serial < 10 + requests; ++serial) {
      peer.send(packet::request, serial, request("echo", {text_of(serial)}));
      if (serial % 5 != 4) continue;
      std::map<std::uint32_t, std::string> answers;
      while (answers.size() < 5)
        if (auto f = peer.receive(); f.type == packet::response) answers[f.serial] = f.payload;
      for (const auto& [answered, payload] : answers)
        CHECK(read_pickle(payload).value() == value{text_of(answered)});
    }
  }
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: a large answer arrives although the peer hangs up right after it") {
  raw_listener door;
  auto large = pickle_of(value{text_of(1)});
  for (int round = 0; round < 30; ++round) {
    tcp_node node;
    auto login = patio::connect(node.broker(), door.where());
    auto server = door.accept();
    server.log_in_as_server({"f"});
    REQUIRE(ended(login));
    auto answer = call(node.broker(), "f");
    server.send(packet::response, server.receive().serial, large);
    server.close();
    CHECK(ended(answer) == value{text_of(1)});
  }
}

TEST_CASE(
  "tcp_broker: a peer that is lost while its payload is decoded does not affect other peers") {
  broker_under_attack t;
  auto large = request("echo", {text_of(1)});
  for (int round = 0; round < 50; ++round) {
    raw_peer peer{t.where};
    peer.log_in_as_client();
    peer.send(packet::request, 10, large);
    if (round % 2 == 0) peer.reset();
  }
  t.check_undisturbed();
}
