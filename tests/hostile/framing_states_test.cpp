// Frames of the wrong type or in the wrong state, and wrong names in discovery, against a running
// node. The parts of these cases that need no socket are in tests/libpatio/protocol
// (session_*_test).
#include <doctest/doctest.h>

#include <patio/protocol/login.hpp>

#include "broker_under_attack.hpp"
#include "hex.hpp"
#include "hostile.hpp"
#include "protocol/session_fixture.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::string_literals;

namespace {

/// Checks that a frame at this stage closes the connection, and that the log says why.
void check_closes(broker_under_attack& node, stage when, const std::string& bytes,
                  const std::string& why) {
  INFO(why);
  auto peer = node.hostile_peer();
  log_in_up_to(when, peer);
  peer.send_bytes(bytes);
  peer.await_close();
  node.check_logged(why);
}

/// Logs in with this payload as the names, and reads the node's DISCOVER_REQUEST and
/// DISCOVER_RESPONSE.
void log_in_with_names(raw_peer& peer, const std::string& names) {
  (void)peer.prove();
  peer.send(packet::discover_request, 2, none);
  peer.send(packet::discover_response, 3, names);
  (void)peer.receive();
  (void)peer.receive();
}

/// Returns a list of more names than a node accepts.
std::string million_names() {
  auto pickle = std::string{"\x80\x04]("};
  for (int i = 0; i < 1'000'000; ++i) pickle += "\x8c\1f";
  return pickle + "e.";
}

} // namespace

TEST_CASE("F4 before the login and in discovery each of the 256 types closes the connection, "
          "except the valid ones") {
  broker_under_attack node{without_deadline()};
  for (int type = -128; type < 128; ++type) {
    if (type == 1) continue; // AUTH_REQUEST with a wrong payload is a refused login: A6
    auto peer = node.hostile_peer();
    peer.send(static_cast<packet>(type), 1,
              type == 0 ? login_challenge(std::string(16, 'x')) : none);
    peer.await_close();
    if (type == -1) node.check_logged("unknown packet type -1");
  }
  for (int type = -128; type < 128; ++type) {
    if (type == 5) continue; // DISCOVER_REQUEST
    auto peer = node.hostile_peer();
    (void)peer.prove();
    peer.send(static_cast<packet>(type), 77, none); // DISCOVER_RESPONSE has the wrong serial
    peer.await_close();
    if (type == 10) node.check_logged("REQUEST (type 10, serial 77) has no place in discovery");
  }
  for (auto hex :
       {"800000000000000001", "040000000000000001", "070000000000000001", "ff0000000000000001"})
    check_closes(node, stage::open, from_hex(hex), "unknown packet type");
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F8 a frame that is not allowed in the state closes the connection before, during and "
          "after the login") {
  broker_under_attack node{without_deadline()};
  check_closes(node, stage::connected, framed(packet::request, 1, request("ring")),
               "REQUEST (type 10, serial 1) has no place in the login");
  check_closes(node, stage::authenticated, framed(packet::auth_request, 2, none),
               "AUTH_REQUEST (type 1, serial 2) has no place in discovery");
  check_closes(node, stage::authenticated,
               framed(packet::discover_request, 2, none)
                 + framed(packet::request, 3, request("ring")),
               "REQUEST (type 10, serial 3) has no place in discovery");
  check_closes(node, stage::open, framed(packet::auth_request, 4, none),
               "AUTH_REQUEST (type 1, serial 4) has no place in an open connection");
  check_closes(node, stage::open, framed(packet::auth_ok, 4, none),
               "AUTH_OK (type 3, serial 4) has no place in an open connection");
  check_closes(node, stage::open, framed(packet::auth_digest, 4, none),
               "AUTH_DIGEST (type 0, serial 4) has no place in an open connection");
  check_closes(node, stage::open, framed(packet::auth_response, 4, none),
               "AUTH_RESPONSE (type 2, serial 4) has no place in an open connection");
  check_closes(node, stage::open, framed(packet::discover_response, 4, pickle_of(value::list({}))),
               "unexpected DISCOVER_RESPONSE (type 6, serial 4)");
  CHECK(node.rings == 0);
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  for (std::uint32_t serial : {5U, 6U}) { // after the discovery a DISCOVER_REQUEST is a ping
    peer.send(packet::discover_request, serial, none);
    auto answer = peer.receive();
    CHECK(answer.type == packet::discover_response);
    CHECK(answer.serial == serial);
  }
  peer.close();
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F9 names that are not a list of texts close the connection, and odd, long or repeated "
          "names do no harm and do not break the log line") {
  broker_under_attack node{without_deadline()};
  for (const auto& wrong :
       {none, pickle_of("abc"), pickle_of(value::dict({{"a", 1}})), pickle_of(value::list({1})),
        pickle_of(value::list({value::list({})})), million_names(),
        "no pickle\nevent=closed peer=127.0.0.1:1 reason=forged"s}) {
    auto peer = node.hostile_peer();
    log_in_with_names(peer, wrong);
    peer.await_close();
    node.check_logged("DISCOVER_RESPONSE is not a list of names");
  }
  for (const auto& odd :
       {pickle_of(value::list({"a", "a", "a"})),
        pickle_of(value::list({std::string(1 << 20, 'n')})), from_hex("80045d8c03eda080612e"),
        pickle_of(value::list({"nul\0newline\n"s, ""}))}) {
    auto peer = node.hostile_peer();
    log_in_with_names(peer, odd);
    check_served(peer);
  }
  for (const auto& line : node.log.lines()) CHECK(line.find('\n') == std::string::npos);
  node.check_nothing_left();
  node.check_undisturbed();
}
