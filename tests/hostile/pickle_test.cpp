// Hostile pickles: what they cost the decoder, counted by this program's own operator new, and what
// they do to a running node that gets them as a REQUEST, a RESPONSE and an ERROR. Why each is
// refused is in tests/libpatio (pickle_*_test).
#include <doctest/doctest.h>

#include <malloc.h>

#include <cstdlib>
#include <new>

#include "hex.hpp"
#include "hostile.hpp"
#include "hostile_pickles.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::string_literals;

namespace {

// Of each thread, as nodes run beside.
thread_local std::ptrdiff_t held = 0, most_held = 0;

} // namespace

// The compiler sees these two and takes them for a pair that does not match.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t size) {
  void* p = std::malloc(size);
  if (!p) throw std::bad_alloc{};
  held += static_cast<std::ptrdiff_t>(malloc_usable_size(p));
  most_held = std::max(most_held, held);
  return p;
}
void operator delete(void* p) noexcept {
  held -= static_cast<std::ptrdiff_t>(malloc_usable_size(p));
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

constexpr std::ptrdiff_t mebibyte = 1 << 20;
constexpr auto budget = 128 * mebibyte; // pickle_limits::memory is an estimate of half that

void check_decoder(const hostile_pickle& p) {
  auto before = held;
  most_held = held;
  {
    auto v = read_pickle(p.bytes);
    CHECK(v.has_value() == (p.what == cost::small));
    if (!v) CHECK(v.error().code == errc::undecodable);
  }
  auto allowed = p.what == cost::refused_within_budget
                   ? budget
                   : 4 * static_cast<std::ptrdiff_t>(p.bytes.size()) + mebibyte;
  CHECK(most_held - before <= allowed);
  CHECK(held == before);
}

/// A peer that the town's node has dialled, and which serves "f".
struct odd_server {
  raw_listener door;
  town& t;
  raw_peer peer;

  explicit odd_server(town& of) : t{of}, peer{met(of)} {}
  raw_peer met(town& of) {
    auto login = patio::connect(of.server.broker(), door.where().host, door.where().port);
    auto accepted = door.accept();
    accepted.log_in_as_server({"f"});
    REQUIRE(ended(login));
    return accepted;
  }
  /// How a call of the node's ends that is answered so; then an honest one, which must end well.
  error answered(packet type, const std::string& payload) {
    auto odd = call(t.server.broker(), "f"), honest = call(t.server.broker(), "f");
    peer.send(type, peer.receive().serial, payload);
    peer.send(packet::response, peer.receive().serial, pickle_of(2));
    CHECK(ended(honest) == value{2});
    try {
      (void)ended(odd);
    } catch (const call_error& e) {
      return e.why();
    }
    return {errc{}, {}, {}};
  }
};

/// The case against the decoder and against a node, in each place where a pickle can come from a
/// peer.
void check_case(int number) {
  auto all = hostile_pickles(number);
  REQUIRE_FALSE(all.empty());
  town t;
  {
    odd_server server{t};
    raw_peer client{t.where};
    client.log_in_as_client();
    for (const auto& p : all) {
      auto begins = to_hex(p.bytes.substr(0, 32));
      CAPTURE(begins);
      check_decoder(p);
      client.send(packet::request, 7, p.bytes);
      auto answer = client.receive();
      CHECK(answer.serial == 7);
      CHECK(raised_by(answer).starts_with(
        "ValueError: undecodable request: ")); // plain data is no CallRequest either
      check_served(client);
      CHECK(server.answered(packet::response, p.bytes).code
            == (p.what == cost::small ? errc{} : errc::undecodable));
      auto raised = server.answered(packet::error, p.bytes).code;
      CHECK((raised == errc::undecodable || (raised == errc::remote_error && number == 12)));
      t.check_served();
    }
    t.log.await("REQUEST 7 refused");
  }
  t.check_nothing_left();
  t.check_undisturbed();
}

} // namespace

TEST_CASE("K1 an empty, cut or unknown beginning") { check_case(1); }
TEST_CASE("K2 lengths that lie") { check_case(2); }
TEST_CASE("K3 frames within a pickle that lie, are nested, or empty a hundred thousand times") {
  check_case(3);
}
TEST_CASE("K4 memo entries far apart, never stored, and a million") { check_case(4); }
TEST_CASE("K5 stacks that are too short, and too long") { check_case(5); }
TEST_CASE("K6 depths of a hundred thousand and of eight million") { check_case(6); }
TEST_CASE("K7 a billion laughs") { check_case(7); }
TEST_CASE("K8 cycles") { check_case(8); }
TEST_CASE("K9 classes that are none of data, whatever the opcode") { check_case(9); }
TEST_CASE("K10 numbers") { check_case(10); }
TEST_CASE("K11 texts") { check_case(11); }
TEST_CASE("K12 an exception's state") { check_case(12); }
TEST_CASE("K13 two pickles in a frame, and a protocol in the middle") { check_case(13); }

TEST_CASE("K7 a node that is to give a billion laughs back says that it cannot") {
  town t;
  auto peer = t.stranger();
  peer.log_in_as_client();
  auto laughs = hostile_pickles(7).back().bytes;
  peer.send(
    packet::request, 7,
    call_by_hand(call_fields(text_by_hand("echo"), laughs.substr(2, laughs.size() - 3) + "\x85")));
  CHECK(raised_by(peer.receive())
        == "ValueError: the result cannot be sent: the value is too large with its shared parts "
           "written out");
  check_served(peer);
  t.check_undisturbed();
}

TEST_CASE("K13 a call in the forms of protocols 0 to 3 is served") {
  town t;
  auto peer = t.stranger();
  peer.log_in_as_client();
  auto fields = "(Vfunc\nVtwo\nVargs\n(tVkwargs\n(dVtimeout\nNd"s,
       cls = "cpatio.broker.tcp.broker\nCallRequest\n"s;
  for (const auto& form :
       {"ccopy_reg\n_reconstructor\n(" + cls + "c__builtin__\nobject\nNtR" + fields + "b.",
        "\x80\2" + cls + ")\x81" + fields + "b.", "\x80\3" + cls + ")\x81" + fields + "b."}) {
    peer.send(packet::request, 7, form);
    CHECK(peer.receive().payload == pickle_of(2));
  }
  t.check_undisturbed();
}
