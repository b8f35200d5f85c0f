// Hostile pickles: the memory that they make the decoder take, and a running node's answer to them
// in a REQUEST, a RESPONSE and an ERROR. This program's own operator new counts the memory. The
// tests in tests/libpatio/pickle check the reason of each refusal.
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

// Bytes of this thread only, because nodes run on other threads.
thread_local std::ptrdiff_t allocated = 0, peak_allocated = 0;

} // namespace

// GCC reports these two functions as a mismatched pair.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"
void* operator new(std::size_t size) {
  void* p = std::malloc(size);
  if (!p) throw std::bad_alloc{};
  allocated += static_cast<std::ptrdiff_t>(malloc_usable_size(p));
  peak_allocated = std::max(peak_allocated, allocated);
  return p;
}
void operator delete(void* p) noexcept {
  allocated -= static_cast<std::ptrdiff_t>(malloc_usable_size(p));
  std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

constexpr std::ptrdiff_t mebibyte = 1 << 20;
/// Twice pickle_limits::memory_bytes, which the decoder only estimates.
constexpr auto budget = 128 * mebibyte;

void check_decoder(const hostile_pickle& p) {
  auto before = allocated;
  peak_allocated = allocated;
  {
    auto v = read_pickle(p.bytes);
    CHECK(v.has_value() == (p.expected == outcome::accepted));
    if (!v) CHECK(v.error().code == errc::undecodable);
  }
  auto allowed = p.expected == outcome::refused_within_budget
                   ? budget
                   : 4 * static_cast<std::ptrdiff_t>(p.bytes.size()) + mebibyte;
  CHECK(peak_allocated - before <= allowed);
  CHECK(allocated == before);
}

/// A hostile server that the node has dialled. It serves "f".
struct hostile_server {
  raw_listener listener;
  broker_under_attack& node;
  raw_peer peer;

  explicit hostile_server(broker_under_attack& n) : node{n}, peer{accept()} {}
  raw_peer accept() {
    auto login = patio::connect(node.server.broker(), listener.where());
    auto accepted = listener.accept();
    accepted.log_in_as_server({"f"});
    REQUIRE(ended(login));
    return accepted;
  }
  /// Answers one call of the node with this payload and returns the call's error. An error with
  /// code 0 stands for a value. A second call gets a valid answer and must succeed.
  error answer(packet type, const std::string& payload) {
    auto hostile = call(node.server.broker(), "f"), valid = call(node.server.broker(), "f");
    peer.send(type, peer.receive().serial, payload);
    peer.send(packet::response, peer.receive().serial, pickle_of(2));
    CHECK(ended(valid) == value{2});
    try {
      (void)ended(hostile);
    } catch (const call_error& e) {
      return e.why();
    }
    return {errc{}, {}, {}};
  }
};

/// Gives the pickles of a case to the decoder, and to a node in each frame in which a peer can send
/// a pickle.
void check_case(int number) {
  auto all = hostile_pickles(number);
  REQUIRE_FALSE(all.empty());
  broker_under_attack node;
  {
    hostile_server server{node};
    raw_peer client{node.where};
    client.log_in_as_client();
    for (const auto& p : all) {
      auto first_bytes = to_hex(p.bytes.substr(0, 32));
      CAPTURE(first_bytes);
      check_decoder(p);
      client.send(packet::request, 7, p.bytes);
      auto answer = client.receive();
      CHECK(answer.serial == 7);
      // Plain data is not a CallRequest either.
      CHECK(exception_in(answer).starts_with("ValueError: undecodable request: "));
      check_served(client);
      CHECK(server.answer(packet::response, p.bytes).code
            == (p.expected == outcome::accepted ? errc{} : errc::undecodable));
      auto raised = server.answer(packet::error, p.bytes).code;
      // In an ERROR frame a class outside the list is the class of an inert exception, and an
      // exception arrives with its class, whatever it carries.
      bool is_exception =
        number == 9 || number == 12 || p.bytes.starts_with("cbuiltins\nValueError\n");
      CHECK((raised == errc::undecodable || (raised == errc::remote_error && is_exception)));
      node.check_served();
    }
    node.log.await("REQUEST 7 refused");
  }
  node.check_nothing_left();
  node.check_undisturbed();
}

} // namespace

TEST_CASE("K1 a node survives empty pickles, truncated ones, and unknown protocols") {
  check_case(1);
}
TEST_CASE("K2 a node survives pickles with false lengths") { check_case(2); }
TEST_CASE("K3 a node survives pickles whose frames have false lengths, are nested, or are a "
          "hundred thousand empty frames") {
  check_case(3);
}
TEST_CASE("K4 a node survives memo entries that are far apart, never stored, or a million") {
  check_case(4);
}
TEST_CASE("K5 a node survives stacks with too few items for an opcode or with a million items") {
  check_case(5);
}
TEST_CASE("K6 a node survives nesting of a hundred thousand and of eight million levels") {
  check_case(6);
}
TEST_CASE("K7 a node survives expansion bombs") { check_case(7); }
TEST_CASE("K8 a node survives containers that contain themselves") { check_case(8); }
TEST_CASE("K9 a node survives classes outside the list of data classes, by any opcode") {
  check_case(9);
}
TEST_CASE("K10 a node survives numbers in all forms") { check_case(10); }
TEST_CASE("K11 a node survives texts in all forms") { check_case(11); }
TEST_CASE("K12 a node survives exceptions with any state") { check_case(12); }
TEST_CASE("K13 a node survives two pickles in one payload, and a PROTO opcode in the middle") {
  check_case(13);
}

TEST_CASE("K7 a node that would have to echo an expansion bomb answers with an error") {
  broker_under_attack node;
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  auto laughs = hostile_pickles(7).back().bytes;
  peer.send(
    packet::request, 7,
    raw_call(raw_call_fields(raw_text("echo"), laughs.substr(2, laughs.size() - 3) + "\x85")));
  CHECK(exception_in(peer.receive())
        == "ValueError: the result cannot be sent: the value is too large when its shared parts "
           "are expanded");
  check_served(peer);
  node.check_undisturbed();
}

TEST_CASE("K13 a call that was pickled with protocol 0, 2 or 3 is served") {
  broker_under_attack node;
  auto peer = node.hostile_peer();
  peer.log_in_as_client();
  auto fields = "(Vfunc\nVtwo\nVargs\n(tVkwargs\n(dVtimeout\nNd"s;
  auto cls = "cpatio.broker.tcp.broker\nCallRequest\n"s;
  for (const auto& form :
       {"ccopy_reg\n_reconstructor\n(" + cls + "c__builtin__\nobject\nNtR" + fields + "b.",
        "\x80\2" + cls + ")\x81" + fields + "b.", "\x80\3" + cls + ")\x81" + fields + "b."}) {
    peer.send(packet::request, 7, form);
    CHECK(peer.receive().payload == pickle_of(2));
  }
  node.check_undisturbed();
}
