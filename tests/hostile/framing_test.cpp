// Frames that lie, stop short, come at the wrong time or are no frames at all, against a running
// node: each costs at most its own connection. What needs no socket of these cases is in
// tests/libpatio (frame_test, session_*_test).
#include <doctest/doctest.h>

#include <random>

#include <patio/protocol/login.hpp>
#include <patio/protocol/session.hpp>

#include "broker_under_attack.hpp"
#include "hex.hpp"
#include "hostile.hpp"
#include "protocol/session_fixture.hpp"
#include "seed.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

/// What a node has to be told before the frame is lawful.
enum class stage { connected, proven, ready };

struct lawful_frame {
  stage when;
  std::string bytes;
};

void bring_to(raw_peer& peer, stage when) {
  if (when == stage::proven) (void)peer.prove();
  if (when == stage::ready) peer.log_in_as_client();
}

/// One of each, but for AUTH_REQUEST, whose bytes depend on the challenge.
std::vector<lawful_frame> lawful_frames() {
  return {
    {stage::proven, framed(packet::discover_request, 2, none)},
    {stage::proven, framed(packet::discover_response, 3, pickle_of(value::list({"f", "g"})))},
    {stage::ready, framed(packet::request, 9, request("ring"))},
    {stage::ready, framed(packet::response, 9, none)},
    {stage::ready,
     framed(packet::error, 9, pickle_of(value::exception("builtins.ValueError", {"bad"})))},
    {stage::ready, framed(packet::discover_request, 9, none)},
    {stage::ready, framed(packet::cancel, 9, none)},
    {stage::ready, framed(packet::leaving, 9, none)},
  };
}

std::string header(int type, std::uint32_t size, std::uint32_t serial) {
  return framed(static_cast<packet>(type), serial, "")
    .replace(1, 4,
             {static_cast<char>(size >> 24), static_cast<char>(size >> 16),
              static_cast<char>(size >> 8), static_cast<char>(size)});
}

} // namespace

TEST_CASE(
  "F1 every prefix of every lawful frame, then an end or a reset, is no event and leaves nothing") {
  town t{patient()};
  std::size_t connections = 0;
  auto stop_short = [&](stage when, const std::string& bytes) {
    for (bool reset : {false, true}) {
      auto peer = t.stranger();
      bring_to(peer, when);
      if (!bytes.empty()) peer.send_bytes(bytes);
      ++connections;
      if (reset) {
        peer.reset();
        continue;
      }
      peer.half_close();
      peer.await_close();
    }
  };
  for (const auto& f : lawful_frames())
    for (std::size_t n = 0; n < f.bytes.size(); ++n) stop_short(f.when, f.bytes.substr(0, n));
  auto login = framed(packet::auth_request, 1,
                      login_answer(login_challenge(std::string(16, 'x')), "", "salt"));
  for (std::size_t n = 0; n < login.size(); ++n) stop_short(stage::connected, login.substr(0, n));
  CHECK(connections > 700);
  auto last = t.stranger();
  last.log_in_as_client();
  last.send_bytes(header(10, 5, 1));
  last.half_close();
  last.await_close();
  t.check_named("the peer closed the connection within a frame");
  last.close();
  t.check_nothing_left();
  CHECK(t.rings == 0);
  t.check_undisturbed();
}

TEST_CASE("F2 a session byte by byte, and all its frames in one segment, give the same answers") {
  town t{patient()};
  auto rest = framed(packet::discover_request, 2, none)
              + framed(packet::discover_response, 3, pickle_of(value::list({"f"})))
              + framed(packet::request, 3, request("two"))
              + framed(packet::discover_request, 4, none) + framed(packet::request, 5, "no pickle")
              + framed(packet::request, 6, request("unheard_of"))
              + framed(packet::request, 7, request("ring", {1}))
              + framed(packet::response, 99, none) + framed(packet::request, 8, request("two"));
  // Answers of the pool may overtake each other, so they are compared in the order of their
  // serials.
  auto answers = [&](std::size_t piece) {
    auto peer = t.stranger();
    auto stream =
      framed(packet::auth_request, 1, login_answer(peer.receive().payload, "", "salt")) + rest;
    for (std::size_t at = 0; at < stream.size(); at += piece)
      peer.send_bytes(std::string_view{stream}.substr(at, piece));
    std::vector<std::tuple<packet, std::uint32_t, std::string>> all;
    for (int i = 0; i < 9; ++i) {
      auto f = peer.receive();
      all.emplace_back(f.type, f.serial, f.payload);
    }
    peer.half_close();
    CHECK_THROWS(peer.receive()); // and nothing more
    std::sort(all.begin(), all.end());
    return all;
  };
  auto whole = answers(std::string::npos / 2);
  CHECK(answers(1) == whole);
  CHECK(answers(10) == whole);
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F3 before the login a length that lies is refused at byte nine, and not allocated") {
  town t{patient()};
  auto before = resident_bytes();
  const std::uint32_t lies[] = {1025, 0x7fffffff, 0x80000000, 0xffffffff};
  constexpr std::size_t at_once = 100;
  for (std::size_t round = 0; round < 100; ++round) {
    std::vector<raw_peer> liars;
    for (std::size_t i = 0; i < at_once; ++i)
      liars.emplace_back(t.where).send_bytes(header(1, lies[i % 4], 1));
    for (auto& liar : liars) liar.await_close();
  }
  auto grown = static_cast<std::ptrdiff_t>(resident_bytes()) - static_cast<std::ptrdiff_t>(before);
  CHECK(grown < static_cast<std::ptrdiff_t>(
          at_once * 65'536)); // 10,000 of them: what those of one round may hold
  auto last = t.stranger();
  last.send_bytes(header(1, 1025, 1));
  last.await_close();
  t.check_named("of 1025 bytes is over the limit of 1024");
  last.close();
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F3 once logged in a length that lies is answered at byte nine; what is not worth "
          "skipping closes") {
  town t{patient()};
  for (std::uint32_t size : {0xffffffffU, 0x80000000U, (64U << 20) + 1}) {
    auto peer = t.stranger();
    peer.log_in_as_client();
    peer.send_bytes(header(10, size, 1));
    auto answer = peer.receive();
    CHECK(answer.serial == 1);
    CHECK(raised_by(answer)
          == "ValueError: a frame of " + std::to_string(size)
               + " bytes is over the limit of 16777216");
    peer.await_close();
    t.check_named("is over the limit of 16777216");
  }
  auto peer = t.stranger();
  peer.log_in_as_client();
  peer.send_bytes(from_hex("0a0100000100000001"));
  CHECK(peer.receive().serial == 1); // not a byte of the payload has been sent
  peer.send_bytes(std::string(0x01000001, '.'));
  check_served(peer);
  peer.close();
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F4 of all 256 types only the lawful ones are borne before the login and in discovery") {
  town t{patient()};
  for (int type = -128; type < 128; ++type) {
    if (type == 1) continue; // with a wrong payload it is refused as a login: A6
    auto peer = t.stranger();
    peer.send(static_cast<packet>(type), 1,
              type == 0 ? login_challenge(std::string(16, 'x')) : none);
    peer.await_close();
    if (type == -1) t.check_named("unknown packet type -1");
  }
  for (int type = -128; type < 128; ++type) {
    if (type == 5) continue; // DISCOVER_REQUEST
    auto peer = t.stranger();
    (void)peer.prove();
    peer.send(static_cast<packet>(type), 77,
              none); // nor is a DISCOVER_RESPONSE to another serial lawful
    peer.await_close();
    if (type == 10) t.check_named("REQUEST (type 10, serial 77) has no place in discovery");
  }
  for (auto hex :
       {"800000000000000001", "040000000000000001", "070000000000000001", "ff0000000000000001"}) {
    auto peer = t.stranger();
    peer.log_in_as_client();
    peer.send_bytes(from_hex(hex));
    peer.await_close();
    t.check_named("unknown packet type");
  }
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F5 a REQUEST without a payload is answered, and the connection lives") {
  town t{patient()};
  auto peer = t.stranger();
  peer.log_in_as_client();
  peer.send_bytes(from_hex("0a0000000000000005"));
  auto answer = peer.receive();
  CHECK(answer.serial == 5);
  CHECK(raised_by(answer)
        == "ValueError: undecodable request: byte 0: expected an opcode, found the end");
  t.check_named("REQUEST 5 refused");
  check_served(peer);
  t.check_undisturbed();
}

TEST_CASE("F6 a REQUEST cut short is answered, and one with bytes behind its end is run") {
  town t{patient()};
  auto whole = request("two");
  for (std::size_t n : {std::size_t{1}, whole.size() / 2, whole.size() - 1}) {
    auto peer = t.stranger();
    peer.log_in_as_client();
    peer.send(packet::request, 6, whole.substr(0, n));
    auto answer = peer.receive();
    CHECK(answer.serial == 6);
    CHECK(raised_by(answer).starts_with("ValueError: undecodable request: byte"));
    t.check_named("REQUEST 6 refused");
    check_served(peer);
  }
  auto peer = t.stranger();
  peer.log_in_as_client();
  peer.send(packet::request, 7, whole + "GARBAGE");
  CHECK(peer.receive().payload == pickle_of(2));
  check_served(peer);
  t.check_undisturbed();
}

TEST_CASE("F7 the serials 0 and 2^32-1 are answered as they are; one in use ends its connection") {
  town t{patient()};
  auto peer = t.stranger();
  peer.log_in_as_client();
  check_served(peer, 0);
  check_served(peer, 0xffffffff);
  peer.send(packet::request, 5, request("later"));
  t.later.await_started(2);
  peer.send(packet::request, 5, request("two"));
  peer.await_close();
  t.check_named("REQUEST (type 10, serial 5) came again before its answer");
  t.check_undisturbed(); // the first "later" is the good client's
}

TEST_CASE("F7 answers that nobody waits for are borne a hundred times, not a thousand") {
  town t{patient()};
  auto peer = t.stranger();
  peer.log_in_as_client();
  auto nobodys = from_hex("14000000040000270f80054e2e");
  for (int i = 0; i < 100; ++i) peer.send_bytes(nobodys);
  check_served(peer);
  CHECK_THROWS([&] { // the node may close while they are still being sent
    for (int i = 0; i < 1000; ++i) peer.send_bytes(nobodys);
    (void)peer.receive();
  }());
  t.check_named("too many answers that nobody waits for");
  peer.close();
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F8 what has no place in the state closes: before, within and after the login") {
  town t{patient()};
  auto closes = [&](stage when, const std::string& bytes, const std::string& why) {
    INFO(why);
    auto peer = t.stranger();
    bring_to(peer, when);
    peer.send_bytes(bytes);
    peer.await_close();
    t.check_named(why);
  };
  closes(stage::connected, framed(packet::request, 1, request("ring")),
         "REQUEST (type 10, serial 1) has no place in the login");
  closes(stage::proven, framed(packet::auth_request, 2, none),
         "AUTH_REQUEST (type 1, serial 2) has no place in discovery");
  closes(stage::proven,
         framed(packet::discover_request, 2, none) + framed(packet::request, 3, request("ring")),
         "REQUEST (type 10, serial 3) has no place in discovery");
  closes(stage::ready, framed(packet::auth_request, 4, none),
         "AUTH_REQUEST (type 1, serial 4) has no place in an open connection");
  closes(stage::ready, framed(packet::auth_ok, 4, none),
         "AUTH_OK (type 3, serial 4) has no place in an open connection");
  closes(stage::ready, framed(packet::auth_digest, 4, none),
         "AUTH_DIGEST (type 0, serial 4) has no place in an open connection");
  closes(stage::ready, framed(packet::auth_response, 4, none),
         "AUTH_RESPONSE (type 2, serial 4) has no place in an open connection");
  closes(stage::ready, framed(packet::discover_response, 4, pickle_of(value::list({}))),
         "DISCOVER_RESPONSE (type 6, serial 4) was not asked for");
  CHECK(t.rings == 0);
  auto peer = t.stranger();
  peer.log_in_as_client();
  for (std::uint32_t serial : {5U, 6U}) { // a second DISCOVER_REQUEST is a ping
    peer.send(packet::discover_request, serial, none);
    auto answer = peer.receive();
    CHECK(answer.type == packet::discover_response);
    CHECK(answer.serial == serial);
  }
  peer.close();
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F9 names that are no list of texts close; odd, long and repeated ones cost nothing and "
          "stay on their log line") {
  town t{patient()};
  auto told = [&](raw_peer& peer, const std::string& names) {
    (void)peer.prove();
    peer.send(packet::discover_request, 2, none);
    peer.send(packet::discover_response, 3, names);
    (void)peer.receive(), (void)peer.receive(); // the node's question and its answer
  };
  auto million = std::string{"\x80\x04]("};
  for (int i = 0; i < 1'000'000; ++i) million += "\x8c\1f";
  for (const auto& wrong :
       {none, pickle_of("abc"), pickle_of(value::dict({{"a", 1}})), pickle_of(value::list({1})),
        pickle_of(value::list({value::list({})})), million + "e.",
        "no pickle\nevent=closed peer=127.0.0.1:1 reason=forged"s}) {
    auto peer = t.stranger();
    told(peer, wrong);
    peer.await_close();
    t.check_named("DISCOVER_RESPONSE is no list of names");
  }
  for (const auto& odd :
       {pickle_of(value::list({"a", "a", "a"})),
        pickle_of(value::list({std::string(1 << 20, 'n')})), from_hex("80045d8c03eda080612e"),
        pickle_of(value::list({"nul\0newline\n"s, ""}))}) {
    auto peer = t.stranger();
    told(peer, odd);
    check_served(peer);
  }
  for (const auto& line : t.log.lines()) CHECK(line.find('\n') == std::string::npos);
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE(
  "F10 a REQUEST that is no CallRequest is answered as undecodable, and the next one is served") {
  town t{patient()};
  auto peer = t.stranger();
  peer.log_in_as_client();
  std::uint32_t serial = 10;
  for (const auto& payload :
       {pickle_of(5), pickle_of(value::dict({{"func", "two"}})),
        pickle_of(value::tuple({"two", value::tuple({}), value::dict({}), {}})), call_by_hand(""),
        call_by_hand(text_by_hand("func") + text_by_hand("two")), call_by_hand(call_fields("K\1")),
        call_by_hand(call_fields(text_by_hand("two"), "]")),
        call_by_hand(call_fields(text_by_hand("two"), ")", "}(K\1K\2u")),
        call_by_hand(call_fields(text_by_hand("two"), ")", "N"))}) {
    CAPTURE(payload);
    peer.send(packet::request, ++serial, payload);
    auto answer = peer.receive();
    CHECK(answer.serial == serial);
    CHECK(raised_by(answer).starts_with("ValueError: undecodable request: "));
    check_served(peer);
  }
  peer.send(packet::request, 9,
            call_by_hand(call_fields() + text_by_hand("more")
                         + "N")); // as Python does, it leaves alone what it does not know
  CHECK(peer.receive().payload == pickle_of(2));
  t.check_undisturbed();
}

TEST_CASE("F10 of odd timeouts those that name a time are kept, NaN and texts are refused") {
  town t{patient()};
  auto peer = t.stranger();
  peer.log_in_as_client();
  auto real = [](const std::string& hex) { return "G" + from_hex(hex); };
  struct {
    std::string timeout;
    std::string answer; ///< empty for the function's own
  } cases[] = {{real("7ff8000000000000"), "ValueError"},
               {"J\xff\xff\xff\xff", "TimeoutError"},
               {real("bff0000000000000"), "TimeoutError"},
               {"K\0"s, "TimeoutError"},
               {real("7ff0000000000000"), ""},
               {"\x88", ""},
               {text_by_hand("1"), "TypeError"},
               {"\x8a\x09" + std::string(8, '\0') + "\x40", ""},
               {real("7fe1ccf385ebc8a0"), ""},
               {"]", "TypeError"}};
  std::uint32_t serial = 10;
  for (const auto& c : cases) {
    CAPTURE(to_hex(c.timeout));
    peer.send(packet::request, ++serial,
              call_by_hand(call_fields(text_by_hand("two"), ")", "}", c.timeout)));
    auto answer = peer.receive();
    CHECK(answer.serial == serial);
    if (c.answer.empty()) CHECK(answer.payload == pickle_of(2));
    else CHECK(raised_by(answer).find(c.answer) != std::string::npos);
  }
  t.check_undisturbed();
}

TEST_CASE("F11 other protocols, zeros and noise are closed, whatever they say") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  town t{patient()};
  std::vector<std::string> noises{"GET / HTTP/1.1\r\n\r\n",
                                  from_hex("1603010200010001fc0303") + std::string(512, 'r'),
                                  std::string(65'536, '\0')};
  for (int i = 0; i < 500; ++i) {
    noises.emplace_back(512, '\0');
    for (auto& c : noises.back()) c = static_cast<char>(random());
  }
  for (const auto& noise : noises) {
    auto peer = t.stranger();
    try {
      peer.send_bytes(noise);
    } catch (const std::runtime_error&) { // closed before the last byte was sent
    }
    peer.await_close();
    if (noise.starts_with("GET /")) t.check_named("unknown packet type 71 in b'GET / HTTP/1.1");
    if (noise.starts_with("\x16\x03\x01"))
      t.check_named("the peer speaks TLS, and this node does not");
    if (noise.size() == 65'536)
      t.check_named("AUTH_DIGEST (type 0, serial 0) has no place in the login");
  }
  t.check_nothing_left();
  t.check_undisturbed();
}

TEST_CASE("F11 a million times 512 random bytes end a session at once and do nothing else") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  std::string noise(1 << 20, '\0');
  for (auto& c : noise) c = static_cast<char>(random());
  auto shared = std::make_shared<const session_options>(session_options{"secret", {"f"}, {}});
  std::size_t open = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    struct : session_events {
      std::size_t calls = 0;
      void on_ready() override { ++calls; }
      void on_names(std::vector<std::string>) override { ++calls; }
      void on_request(request_id, call_request&&) override { ++calls; }
      void on_cancel(request_id) override { ++calls; }
      void on_result(std::uint64_t, result<value>) override { ++calls; }
      void on_pong(std::uint64_t) override { ++calls; }
      void on_lost_ping(std::uint64_t, error) override { ++calls; }
      void on_leaving() override { ++calls; }
      void on_refused(error) override { ++calls; }
      void on_close(error) override {}
    } events;
    session s{random() % 2 == 0 ? role::server : role::client, shared, std::string(16, 'n'),
              events};
    s.receive(std::string_view{noise}.substr(random() % (noise.size() - 512), 512));
    REQUIRE(events.calls == 0);
    open += s.state() != session::state::closed;
  }
  CHECK(open < 10); // a header that is lawful by chance
}
