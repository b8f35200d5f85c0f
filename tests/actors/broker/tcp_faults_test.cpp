// Bad peers, unknown messages and lost connections. Each affects only its own connection.
#include <doctest/doctest.h>

#include "broker_under_attack.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

registry arithmetic() {
  registry rpc;
  rpc.add("two", [] { return 2; });
  return rpc;
}

} // namespace

TEST_CASE("tcp_broker: a frame of a wrong type closes only its own connection (F4)") {
  broker_under_attack t;
  // A wrong payload of these types does not close the connection; see below.
  const std::set<int> lawful{5, 10, 20, 30, 40, 50};
  for (int type = -128; type < 128; ++type) {
    if (lawful.contains(type)) continue;
    raw_peer bad{t.where};
    bad.log_in_as_client();
    bad.send(static_cast<packet>(type), 9, none);
    bad.await_close();
  }
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: bytes that are not a login close only their own connection (F11)") {
  broker_under_attack t;
  for (std::string bytes : {std::string{"GET / HTTP/1.1\r\n\r\n"}, std::string(64, '\0'),
                            std::string(64, '\xff'), std::string{"\x01\x80\0\0\0\0\0\0\1", 9}}) {
    raw_peer bad{t.where};
    bad.send_bytes(bytes);
    bad.await_close();
  }
  raw_peer wrong{t.where};
  CHECK_THROWS(wrong.log_in_as_client({}, "a key that is not the server's"));
  CHECK(t.log.await("event=closed").find("reason=") != std::string::npos);
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: a request that cannot be decoded or is unknown gets an error, and the "
          "connection stays open (F6)") {
  broker_under_attack t;
  raw_peer odd{t.where};
  odd.log_in_as_client();
  odd.send(packet::request, 11, "no pickle");
  odd.send(packet::request, 12, request("unheard_of", {}));
  odd.send(packet::request, 13, request("two", {1}));
  odd.send(packet::request, 14, request("two", {}));
  std::map<std::uint32_t, packet> answers;
  for (int i = 0; i < 4; ++i) {
    auto f = odd.receive();
    answers[f.serial] = f.type;
  }
  CHECK(answers
        == std::map<std::uint32_t, packet>{
          {11, packet::error}, {12, packet::error}, {13, packet::error}, {14, packet::response}});
  t.log.await("event=refused");
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: silent peers are closed after the handshake timeout") {
  tcp_options options;
  options.limits.handshake_timeout = 50ms;
  broker_under_attack t{options};
  std::vector<raw_peer> silent;
  for (int i = 0; i < 50; ++i) silent.emplace_back(t.where);
  for (auto& peer : silent) peer.await_close();
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: a peer that makes many requests and reads no answers is closed, and no "
          "other peer is") {
  tcp_options options;
  options.limits.write_buffer_bytes = std::size_t{1} << 20;
  broker_under_attack t{options};
  raw_peer greedy{t.where};
  greedy.log_in_as_client();
  for (std::uint32_t serial = 10; serial < 30; ++serial)
    greedy.send(packet::request, serial, request("big", {std::int64_t{4} << 20}));
  CHECK(t.log.await("the peer does not read").find("event=closed") != std::string::npos);
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: a peer whose backlog has stalled is closed, and no other peer is") {
  tcp_options options;
  options.limits.write_stall_timeout = std::chrono::milliseconds{300};
  broker_under_attack t{options};
  raw_peer lazy{t.where};
  lazy.log_in_as_client();
  for (std::uint32_t serial = 10; serial < 20; ++serial)
    lazy.send(packet::request, serial, request("big", {std::int64_t{4} << 20}));
  CHECK(t.log.await("could be sent in time").find("event=closed") != std::string::npos);
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: a node ends although a peer does not read its backlog") {
  auto begin = std::chrono::steady_clock::now();
  {
    broker_under_attack t;
    raw_peer deaf{t.where};
    deaf.log_in_as_client();
    for (std::uint32_t serial = 10; serial < 20; ++serial)
      deaf.send(packet::request, serial, request("big", {std::int64_t{4} << 20}));
    t.check_undisturbed();
  }
  CHECK(std::chrono::steady_clock::now() - begin < patience);
}

TEST_CASE("tcp_broker: an answer that cannot be decoded fails only its call") {
  log_capture log;
  raw_listener door;
  tcp_node node;
  auto login = patio::connect(node.broker(), door.where());
  auto server = door.accept();
  server.log_in_as_server({"f"});
  REQUIRE(ended(login));
  auto bad = call(node.broker(), "f"), good = call(node.broker(), "f");
  std::string two;
  REQUIRE(write_pickle(value{2}, two));
  server.send(packet::response, server.receive().serial, "\x80\x04\x8c\x02os\x8c\x06system\x93.");
  server.send(packet::response, 4711, two); // no call waits for this answer
  server.send(packet::response, server.receive().serial, two);
  CHECK(failure(std::move(bad)).code == errc::undecodable);
  CHECK(ended(good) == value{2});
  CHECK(log.await("event=refused").find("os.system") != std::string::npos);
  SUBCASE("an ERROR that is not an exception is undecodable as well") {
    auto odd = call(node.broker(), "f");
    server.send(packet::error, server.receive().serial, two);
    CHECK(failure(std::move(odd)).code == errc::undecodable);
  }
  SUBCASE("an exception of an unknown class is a remote error with the name of the class") {
    auto odd = call(node.broker(), "f");
    server.send(packet::error, server.receive().serial,
                "\x80\x04\x8c\x05house\x8c\x0aHouseError\x93\x8c\x05"
                "brick\x85R.");
    CHECK(raised(failure(std::move(odd))) == "house.HouseError");
  }
}

TEST_CASE(
  "tcp_broker: as soon as a peer is lost, its calls end with maybe_executed, and pings fail") {
  log_capture log;
  raw_listener door;
  tcp_node node;
  auto login = patio::connect(node.broker(), door.where());
  auto server = door.accept();
  server.log_in_as_server({"f"});
  auto peer = ended(login).value();
  std::vector<call_future<value>> waiting;
  for (int i = 0; i < 100; ++i) waiting.push_back(call(node.broker(), "f"));
  auto pinging = std::async(std::launch::async,
                            [&] { return ask<void>(node.broker(), ping_atom::value, peer.id); });
  // The ping is a DISCOVER_REQUEST. The requests of the calls come before it or after it.
  while (server.receive().type != packet::discover_request) {}
  for (int i = 0; i < 100; ++i) CHECK_FALSE(is_ready(waiting[static_cast<std::size_t>(i)]));
  server.close();
  for (auto& f : waiting) CHECK(failure(std::move(f)).code == errc::maybe_executed);
  auto pong = ended(pinging);
  CHECK_FALSE(pong);
}

TEST_CASE("tcp_broker: a late answer does not reach the next connection with the same descriptor") {
  on_demand later;
  auto rpc = arithmetic();
  later.add_to(rpc);
  tcp_node server{rpc};
  auto where = server.listen();
  for (int round = 0; round < 20; ++round) {
    std::vector<raw_peer> left, fresh;
    for (int i = 0; i < 5; ++i) {
      left.emplace_back(where).log_in_as_client();
      left.back().send(packet::request, 77, request("later", {}));
    }
    later.await_started(5);
    left.clear();
    while (!server.peers().empty()) {}
    for (int i = 0; i < 5; ++i) fresh.emplace_back(where).log_in_as_client();
    for (int i = 0; i < 5; ++i) later.answer_one();
    for (auto& peer : fresh) {
      peer.send(packet::request, 5, request("two", {}));
      CHECK(peer.receive().serial == 5); // no earlier answer arrives here
    }
    fresh.clear();
    while (!server.peers().empty()) {}
  }
}

TEST_CASE("tcp_broker: unknown messages are ignored") {
  broker_under_attack t;
  for (const auto& broker : {t.server.broker(), t.good.broker()}) {
    auto untyped = caf::actor_cast<caf::actor>(broker);
    caf::anon_send(untyped, "text", 1, 2.5);
    caf::anon_send(untyped, call_atom::value);
    caf::anon_send(untyped, caf::make_error(caf::sec::runtime_error));
    caf::anon_send(untyped, caf::down_msg{broker.address(), caf::exit_reason::kill});
    caf::anon_send(untyped, caf::exit_msg{broker.address(), caf::exit_reason::normal});
    caf::anon_send(untyped, caf::atom("answered"));
    caf::anon_send(untyped, caf::atom("answered"), connection_id{99}, std::uint32_t{1});
    caf::anon_send(untyped, caf::atom("redial"), std::uint64_t{99});
    caf::anon_send(untyped, caf::atom("tick"), std::int64_t{1});
    caf::anon_send(untyped, caf::atom("flush"));
  }
  t.check_undisturbed();
}

TEST_CASE("tcp_broker: a log sink that throws costs only its line") {
  tcp_node server{arithmetic()}, good;
  auto where = server.listen();
  good.connect(where);
  std::promise<void> called;
  set_log_sink([&called, first = true](log_level, std::string_view) mutable {
    if (std::exchange(first, false)) called.set_value();
    throw std::runtime_error{"no room for a log"};
  });
  raw_peer bad{where};
  bad.log_in_as_client();
  bad.send(packet{77}, 1, none);
  bad.await_close();
  ended(called.get_future());
  set_log_sink(nullptr);
  CHECK(ended(call<std::int64_t>(good.broker(), "two")) == 2);
}

TEST_CASE(
  "tcp_broker: a peer that half-closes with answers unread is dropped, together with its backlog") {
  tcp_options options;
  // Neither of these timeouts ends the connection.
  options.limits.unacknowledged_timeout = options.limits.write_stall_timeout = 1h;
  broker_under_attack t{options};
  raw_peer half{t.where};
  half.log_in_as_client();
  for (std::uint32_t serial = 1; serial <= 4; ++serial)
    half.send(packet::request, serial, request("big", {16'000'000}));
  (void)half.receive(); // the other answers do not fit into the buffers of the kernel
  half.half_close();
  ++t.descriptors_at_first; // the client's descriptor of `half`
  t.check_nothing_left();
  t.check_undisturbed();
}
