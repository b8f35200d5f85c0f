// REQUEST frames with wrong payloads or serials, and answers that no call waits for, against a
// running node. The parts of these cases that need no socket are in tests/libpatio/protocol
// (session_*_test).
#include <doctest/doctest.h>

#include "broker_under_attack.hpp"
#include "hex.hpp"
#include "hostile.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::string_literals;

namespace {

std::string float_opcode(const std::string& hex) { return "G" + from_hex(hex); }

struct timeout_case {
  std::string timeout;   ///< opcodes of one value
  std::string exception; ///< empty if the function runs
};

} // namespace

TEST_CASE(
  "F5 a REQUEST without a payload is answered with an error, and the connection stays open") {
  broker_under_attack node{without_deadline()};
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  peer.send_bytes(from_hex("0a0000000000000005"));
  auto answer = peer.receive();
  CHECK(answer.serial == 5);
  CHECK(exception_in(answer)
        == "ValueError: undecodable request: byte 0: expected an opcode, found the end");
  node.check_logged("REQUEST 5 refused");
  check_served(peer);
  node.check_undisturbed();
}

TEST_CASE("F6 a truncated REQUEST is answered with an error, and a REQUEST with bytes after the "
          "pickle's end is executed") {
  broker_under_attack node{without_deadline()};
  auto whole = request("two");
  for (std::size_t n : {std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
    auto peer = node.hostile_peer();
    peer.log_in_as_client();
    peer.send(packet::request, 6, whole.substr(0, n));
    auto answer = peer.receive();
    CHECK(answer.serial == 6);
    CHECK(exception_in(answer).starts_with("ValueError: undecodable request: byte"));
    node.check_logged("REQUEST 6 refused");
    check_served(peer);
  }
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  peer.send(packet::request, 7, whole + "GARBAGE");
  CHECK(peer.receive().payload == pickle_of(2));
  check_served(peer);
  node.check_undisturbed();
}

TEST_CASE("F7 requests with the serials 0 and 2^32-1 are answered, and a serial in use closes the "
          "connection") {
  broker_under_attack node{without_deadline()};
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  check_served(peer, 0);
  check_served(peer, 0xffffffff);
  peer.send(packet::request, 5, request("later"));
  node.later.await_started(2); // the first call of "later" is the good client's
  peer.send(packet::request, 5, request("two"));
  peer.await_close();
  node.check_logged("REQUEST (type 10, serial 5) reuses the serial of an open request");
  node.check_undisturbed();
}

TEST_CASE("F7 a hundred unexpected answers are tolerated, and a thousand close the connection") {
  broker_under_attack node{without_deadline()};
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  auto unsolicited = from_hex("14000000040000270f80054e2e");
  for (int i = 0; i < 100; ++i) peer.send_bytes(unsolicited);
  check_served(peer);
  CHECK_THROWS([&] { // the node may close while the frames are still being sent
    for (int i = 0; i < 1000; ++i) peer.send_bytes(unsolicited);
    (void)peer.receive();
  }());
  node.check_logged("too many answers that nobody waits for");
  peer.close();
  node.check_nothing_left();
  node.check_undisturbed();
}

TEST_CASE("F10 a REQUEST without a CallRequest is answered as undecodable, and the next REQUEST is "
          "served") {
  broker_under_attack node{without_deadline()};
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  std::uint32_t serial = 10;
  for (const auto& payload :
       {pickle_of(5), pickle_of(value::dict({{"func", "two"}})),
        pickle_of(value::tuple({"two", value::tuple({}), value::dict({}), {}})), raw_call(""),
        raw_call(raw_text("func") + raw_text("two")), raw_call(raw_call_fields("K\1")),
        raw_call(raw_call_fields(raw_text("two"), "]")),
        raw_call(raw_call_fields(raw_text("two"), ")", "}(K\1K\2u")),
        raw_call(raw_call_fields(raw_text("two"), ")", "N"))}) {
    CAPTURE(payload);
    peer.send(packet::request, ++serial, payload);
    auto answer = peer.receive();
    CHECK(answer.serial == serial);
    CHECK(exception_in(answer).starts_with("ValueError: undecodable request: "));
    check_served(peer);
  }
  // An unknown field is ignored, as Python patio does.
  peer.send(packet::request, 9, raw_call(raw_call_fields() + raw_text("more") + "N"));
  CHECK(peer.receive().payload == pickle_of(2));
  node.check_undisturbed();
}

TEST_CASE(
  "F10 an odd timeout is kept if it is a number, and refused if it is NaN or another type") {
  broker_under_attack node{without_deadline()};
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  const timeout_case cases[] = {{float_opcode("7ff8000000000000"), "ValueError"},
                                {"J\xff\xff\xff\xff", "TimeoutError"},
                                {float_opcode("bff0000000000000"), "TimeoutError"},
                                {"K\0"s, "TimeoutError"},
                                {float_opcode("7ff0000000000000"), ""},
                                {"\x88", ""},
                                {raw_text("1"), "TypeError"},
                                {"\x8a\x09" + std::string(8, '\0') + "\x40", ""},
                                {float_opcode("7fe1ccf385ebc8a0"), ""},
                                {"]", "TypeError"}};
  std::uint32_t serial = 10;
  for (const auto& c : cases) {
    CAPTURE(to_hex(c.timeout));
    peer.send(packet::request, ++serial,
              raw_call(raw_call_fields(raw_text("two"), ")", "}", c.timeout)));
    auto answer = peer.receive();
    CHECK(answer.serial == serial);
    if (c.exception.empty()) CHECK(answer.payload == pickle_of(2));
    else CHECK(exception_in(answer).find(c.exception) != std::string::npos);
  }
  node.check_undisturbed();
}
