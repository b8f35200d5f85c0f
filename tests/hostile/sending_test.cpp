// The payloads of a node never kill or hang a Python peer, whatever the node's functions return and
// throw. A model of a Python peer checks a million answers, and a real peer gets some hundred
// answers.
#include <doctest/doctest.h>

#include "broker_under_attack.hpp"
#include "hex.hpp"
#include "mesh/node_fixture.hpp"
#include "protocol/session_fixture.hpp"
#include "python_loader.hpp"
#include "python_peer.hpp"
#include "random_outcomes.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::mesh;
using namespace patio::tests;

namespace {

constexpr int outcomes = 1'000'000;

/// A node whose function "any" has random outcomes, and a scripted peer that behaves like Python
/// patio.
class checked_node {
public:
  explicit checked_node(std::uint64_t seed) : random_{seed}, owner_{{}, functions()} {
    id_ = owner_.node.open(role::server, "python:1", test_token, now_);
    drain_output();
    owner_.when_closed = [this](connection_id) { complain("the node closed the connection"); };
    send(packet::auth_request, 1, login_answer(login_challenge(test_token), "", test_salt));
    drain_output();
    send(packet::discover_request, 2, pickled_none);
    send(packet::discover_response, 3, pickled(value::list({"f"})));
    drain_output();
  }

  /// Sends a request to the node, which must answer it at once with one frame.
  void request() {
    auto serial = static_cast<std::uint32_t>(10 + requests_++ % 1000);
    auto payload = random_.below(20) == 0
                     ? std::string{"no pickle"}
                     : pickled_call(random_.below(20) == 0 ? random_.text() : "any");
    send(packet::request, serial, payload);
    answers_ = 0;
    drain_output();
    if (answers_ != 1) complain(std::to_string(answers_) + " answers to one request");
  }
  /// Lets the node make a call with random arguments. The peer answers the call if it is sent.
  void call_peer() {
    std::vector<value> args(random_.below(4));
    for (auto& a : args) a = random_.any(2);
    owner_.node.call(0, calling("f", std::move(args), random_.below(2) == 0 ? value{} : value{1.5}),
                     now_);
    drain_output();
    owner_.ended.clear();
  }
  void report() const {
    for (const auto& c : judge_.complaints) FAIL_CHECK(c);
    for (const auto& c : complaints_) FAIL_CHECK(c);
  }
  [[nodiscard]] bool has_failed() const {
    return !judge_.complaints.empty() || !complaints_.empty();
  }
  [[nodiscard]] std::map<packet, std::size_t> frames() const { return frames_; }

private:
  registry functions() {
    registry r;
    r.add("any", [this] { return random_.outcome(); }, {.quick = true});
    return r;
  }
  void send(packet type, std::uint32_t serial, std::string_view payload) {
    auto bytes = framed(type, serial, payload);
    judge_.carry(true, bytes);
    judge_.arrived(false, bytes.size());
    owner_.node.receive(id_, bytes, now_);
  }
  // Must be called after each send, so that the judge sees the frames of both directions in order.
  void drain_output() {
    auto bytes = owner_.node.take_output(id_);
    (void)owner_.node.take_dirty();
    owner_.logged.clear();
    judge_.carry(false, bytes);
    judge_.arrived(true, bytes.size());
    for (const auto& f : frames_of(bytes)) check_frame(f);
  }
  void check_frame(const ::raw_frame& f) {
    ++frames_[f.type];
    using frame = python_loader::frame;
    bool answer = f.type == packet::response || f.type == packet::error;
    answers_ += answer;
    if (!answer && f.type != packet::request) return;
    auto why = python_loader::complaint(
      f.payload,
      answer ? (f.type == packet::error ? frame::error : frame::response) : frame::request);
    if (!why.empty())
      complain(std::string{to_string(f.type)} + " " + why + ": "
               + to_hex(f.payload.substr(0, 200)));
    if (f.type == packet::request) send(packet::response, f.serial, pickled_none);
  }
  void complain(std::string why) {
    if (complaints_.size() < 10) complaints_.push_back(std::move(why));
  }

  random_outcomes random_;
  wire_judge judge_;
  std::vector<std::string> complaints_;
  std::map<packet, std::size_t> frames_;
  std::uint64_t requests_ = 0;
  int answers_ = 0;
  instant now_ = 1'000s;
  test_node owner_;
  connection_id id_ = 0;
};

} // namespace

TEST_CASE("sending: the model of a Python peer refuses payloads that hang or kill Python") {
  using frame = python_loader::frame;
  auto refused = [](const char* hex, frame f = frame::error) {
    return !python_loader::complaint(from_hex(hex), f).empty();
  };
  CHECK(refused("80048c086275696c74696e738c0d53746f70497465726174696f6e9329522e")); // StopIteration
  CHECK(refused("80048c086275696c74696e738c12556e69636f64654465636f64654572726f729329522e"));
  CHECK(refused("80048c086275696c74696e738c0a53797374656d457869749329522e"));
  CHECK(refused("80048c05686f7573658c0a486f7573654572726f729329522e")); // house.HouseError
  CHECK(refused("80044b012e"));
  CHECK(refused(""));
  CHECK(refused("80048c086275696c74696e738c0572616e6765934b0185522e", frame::response));
  CHECK_FALSE(refused("80048c086275696c74696e738c0a56616c75654572726f72938c016d85522e"));
  CHECK_FALSE(refused("80044b012e", frame::response));
}

TEST_CASE("sending: a million random results and exceptions are sent as payloads that a Python "
          "peer survives") {
  auto seed = test_seed();
  CAPTURE(seed);
  checked_node node{seed};
  for (int i = 0; i < outcomes && !node.has_failed(); ++i) {
    if (i % 10 == 0) node.call_peer();
    else node.request();
  }
  node.report();
  auto frames = node.frames();
  CHECK(frames[packet::response] > outcomes / 10);
  CHECK(frames[packet::error] > outcomes / 10);
  CHECK(frames[packet::request] > outcomes / 50);
}

TEST_CASE("sending: a real Python peer survives five hundred random results and exceptions") {
  auto seed = test_seed();
  CAPTURE(seed);
  random_outcomes random{seed};
  std::mutex one_at_a_time;
  registry rpc;
  rpc.add("any", [&] {
    std::lock_guard lock{one_at_a_time};
    return random.outcome();
  });
  log_capture log;
  tcp_node node{rpc, {.key = "secret"}};
  python_peer peer{"client", "secret"};
  REQUIRE(peer.connect(node.listen()));
  for (int i = 0; i < 500; ++i) {
    auto begun = std::chrono::steady_clock::now();
    auto answer = peer.call("any", "()", 20);
    CAPTURE(i);
    CAPTURE(answer.dump());
    REQUIRE((answer[0] == "ok" || answer[0] == "error"));
    // A peer that hangs ends the call by its own timeout of 20 s.
    REQUIRE(std::chrono::steady_clock::now() - begun < 15s);
    if (answer[0] == "error")
      CHECK_FALSE((answer[1] == "SystemExit" || answer[1] == "KeyboardInterrupt"
                   || answer[1] == "StopIteration"));
  }
  std::vector<call_future<value>> calls; // more than the peer's workers, which must all be alive
  for (int i = 0; i < 64; ++i) calls.push_back(call(node.broker(), "mul", 6, 7));
  for (auto& c : calls) CHECK(ended(c) == value{42});
}
