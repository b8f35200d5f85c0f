#include "mesh/limited_node.hpp"

namespace {

/// Plays an answer that exceeds a limit of the pickle reader.
void check_pickle(limit which, patio::pickle_limits pickle, const std::string& within,
                  const std::string& over) {
  INFO(to_string(which));
  limited m{{.pickle = pickle}};
  auto& peer = m.meet({"f"});
  auto answer = [&](const std::string& payload) {
    auto token = m.call("f");
    REQUIRE_FALSE(peer.requests.empty());
    peer.send(packet::response, payload, m.now, peer.requests.back().serial);
    return token;
  };
  auto good = answer(within);
  CHECK(m.owner.code(good) != "pending");
  CHECK(m.owner.code(good) != "undecodable");
  auto bad = answer(over);
  CHECK(m.owner.code(bad) == "undecodable");
  CHECK(m.last_error().exceeded == which);
  CHECK(text_of(m.last_error())
          .ends_with(" (limit " + std::string{to_string(which)} + "=" + limit_value(m.set, which)
                     + ")"));
  check_logged(m, which);
}

} // namespace

TEST_CASE("node limits: a limit below its minimum is refused") {
  auto why_not = [](const limits& l) -> std::string {
    try {
      limited m{l};
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "";
  };
  CHECK(why_not({}) == "");
  CHECK(why_not({.connections_before_login = 0})
        == "connections_before_login takes a whole number from 1 to 1000000, not 0");
  CHECK(why_not({.handshake_timeout = 0s})
        == "handshake_timeout takes a number of seconds (ms, min, h) from 0.01s to 3600s, not 0s");
  CHECK(why_not({.write_buffer_bytes = 0}).starts_with("write_buffer_bytes takes "));
  CHECK(why_not({.reconnect = {.first_delay = 0s}}).starts_with("reconnect_first_delay takes "));
  CHECK(why_not({.unacknowledged_timeout = 0s}).starts_with("unacknowledged_timeout takes "));
  CHECK(why_not({.accept_retry_delay = 0s}).starts_with("accept_retry_delay takes "));
}

TEST_CASE("node limits: a login that is not complete after handshake_timeout is closed") {
  limited m{{.handshake_timeout = 2s}};
  m.node.open(patio::role::server, "slow:1", test_token, m.now);
  m.pass(1999ms);
  CHECK(m.owner.closings.empty());
  m.pass(1ms);
  check_closed(m, limit::handshake_timeout);
}

TEST_CASE("node limits: a connection is a pending login until discovery has ended") {
  limited m{{.connections_before_login = 1}};
  auto prove_key_only = [&m] {
    m.peers
      .emplace_back(std::make_unique<played_peer>(m.node, std::vector<std::string>{},
                                                  patio::protocol::extensions{}, m.now))
      ->log_in(m.now);
  };
  prove_key_only();
  m.pass(5s - 1ns);
  CHECK(m.owner.closings.empty());
  m.pass(1ns);
  check_closed(m, limit::handshake_timeout);
  prove_key_only();
  CHECK(m.node.admit());
  check_closed(m, limit::connections_before_login);
}

TEST_CASE(
  "node limits: a peer that asks for more than it reads is closed within the same piece of input") {
  limited m{{.frame_bytes = 1'000, .write_buffer_bytes = 5'000}};
  auto& peer = m.meet({});
  m.node.receive(peer.id, times(10'000, framed(packet::discover_request, 9, pickled_none)), m.now);
  check_closed(m, limit::write_buffer_bytes);
  CHECK(m.node.output(peer.id).size() < 6'000);
}

TEST_CASE("node limits: names are counted and their lengths are checked before they are copied") {
  limited m{{}};
  auto& peer = m.meet({});
  peer.silent = true;
  m.pass(10s); // the node probes the peer
  REQUIRE(peer.asked.size() == 1);
  // The names would take 9 GiB if each were a separate text.
  auto names = "](" + ("X" + std::string{"\0\0\x10\0", 4}) + std::string(std::size_t{1} << 20, 'x')
               + "\x94" + times(8'999, {"h\0", 2}) + "e.";
  peer.send(packet::discover_response, names, m.now, peer.asked.front());
  check_logged(m, limit::name_bytes);
  CHECK(m.node.peers()[0].names.empty());
  // A single name within the length limit is accepted.
  m.pass(10s);
  peer.silent = false;
  REQUIRE_FALSE(peer.asked.empty());
  auto again = "](X" + std::string{"\x64\0\0\0", 4} + std::string(100, 'x') + "\x94"
               + times(8'999, {"h\0", 2}) + "e.";
  peer.send(packet::discover_response, again, m.now, peer.asked.back());
  CHECK(m.node.peers()[0].names == std::vector{std::string(100, 'x')});
}

TEST_CASE(
  "node limits: frames are bounded before and after login, and the largest close the connection") {
  limited before{{.login_frame_bytes = 200}};
  played_peer stranger{before.node, {}, {}, before.now};
  stranger.send(packet::auth_request, std::string(201, 'x'), before.now);
  check_closed(before, limit::login_frame_bytes);

  limited after{{.frame_bytes = 1'000, .skipped_frame_bytes = 2'000}};
  auto& peer = after.meet({});
  after.request(peer, std::string(1'001, 'x'));
  check_logged(after, limit::frame_bytes);
  after.request(peer, std::string(2'001, 'x'));
  check_closed(after, limit::skipped_frame_bytes);
  CHECK(after.node.exceeded(limit::frame_bytes) == 1);
}

TEST_CASE("node limits: an answer over the frame limit ends its call, and is counted once") {
  limited m{{.frame_bytes = 1'000}};
  auto& peer = m.meet({"f"});
  m.call("f");
  peer.send(packet::response, std::string(1'001, 'x'), m.now, peer.requests.back().serial);
  CHECK(m.last_error().exceeded == limit::frame_bytes);
  CHECK(text_of(m.last_error()).ends_with(" (limit frame_bytes=1000)"));
  check_logged(m, limit::frame_bytes);
}

TEST_CASE("node limits: the node refuses its own request if it exceeds the frame limit") {
  limited m{{.frame_bytes = 1'000}};
  m.meet({"f"});
  m.node.call(1, calling("f", {std::string(1'000, 'x')}), m.now);
  check_refused(m, limit::frame_bytes);
}

TEST_CASE("node limits: names and keywords are bounded") {
  limited name{{.name_bytes = 4}};
  name.request(name.meet({}), pickled_call("names"));
  check_logged(name, limit::name_bytes);

  limited served{{.name_bytes = 4}};
  auto& peer = served.meet({"four", "fives"});
  check_logged(served, limit::name_bytes);
  REQUIRE(served.knows(peer));
  CHECK(served.node.peers()[0].names == std::vector<std::string>{"four"});

  limited names{{.names_per_peer = 2}};
  names.meet({"a", "b"});
  CHECK(names.owner.closings.empty());
  names.meet({"a", "b", "c"});
  check_closed(names, limit::names_per_peer);

  limited keywords{{.keywords_per_call = 1}};
  std::string payload;
  REQUIRE(patio::write_call_request({"mul", {{}, {{"a", 1}, {"b", 2}}}, {}}, payload));
  keywords.request(keywords.meet({}), payload);
  check_logged(keywords, limit::keywords_per_call);
}

TEST_CASE("node limits: the calls of one connection and their memory are bounded") {
  limited calls{{.inbound_calls = 1}};
  auto& peer = calls.meet({});
  calls.request(peer, pickled_call("slow", {1}));
  CHECK(calls.owner.logged.empty());
  calls.request(peer, pickled_call("slow", {2}));
  check_logged(calls, limit::inbound_calls);
  CHECK(calls.owner.held.size() == 1);

  limited bytes{{.inbound_bytes = 2'000}};
  auto& large = bytes.meet({});
  bytes.request(large, long_text_call());
  CHECK(bytes.owner.logged.empty());
  bytes.request(large, long_text_call());
  check_logged(bytes, limit::inbound_bytes);

  limited all{{.node_inbound_bytes = 1'000}};
  all.request(all.meet({}), long_text_call());
  CHECK(all.owner.logged.empty());
  all.request(all.meet({}), long_text_call());
  check_logged(all, limit::node_inbound_bytes);
}

TEST_CASE("node limits: a call counts with its decoded memory and not with its bytes on the wire") {
  limited m{{}};
  auto& peer = m.meet({});
  auto payload = pickled_call("slow", {value::list(std::vector<value>(980'000))});
  CHECK(payload.size() < 1 << 20);
  m.request(peer, payload);
  CHECK(m.owner.held.size() == 1); // 60 MiB of the 64 that a connection may hold
  m.request(peer, payload);
  check_logged(m, limit::inbound_bytes);
  CHECK(m.owner.held.size() == 1);
  m.owner.run(std::move(m.owner.held[0]));
  m.request(peer, payload);
  CHECK(m.owner.held.size() == 2);
}

TEST_CASE("node limits: the node's own calls are bounded per peer and in total") {
  limited one{{.outbound_calls = 1}};
  one.meet({"f"});
  one.call("f");
  CHECK(one.owner.ended.empty());
  one.call("f");
  check_refused(one, limit::outbound_calls);

  limited all{{.waiting_calls = 1}};
  all.call("nobody's");
  CHECK(all.owner.ended.empty());
  all.call("nobody's");
  check_refused(all, limit::waiting_calls);
}

TEST_CASE("node limits: unexpected answers are bounded") {
  limited m{{.unknown_serials = 2}};
  auto& peer = m.meet({});
  for (int i = 0; i < 2; ++i) peer.send(packet::response, pickled_none, m.now, 99);
  CHECK(m.owner.closings.empty());
  peer.send(packet::response, pickled_none, m.now, 99);
  check_closed(m, limit::unknown_serials);
}

TEST_CASE(
  "node limits: the requests of a peer that does not read and the calls to it are refused") {
  limited m{{}};
  auto& peer = m.meet({"f"});
  m.node.congested(peer.id, true);
  m.request(peer, pickled_call("slow", {1}));
  check_logged(m, limit::high_water_bytes);
  m.call("f");
  CHECK(m.last_error().exceeded == limit::high_water_bytes);
  CHECK(text_of(m.last_error()).ends_with(m.said(limit::high_water_bytes, 2)));
}

TEST_CASE("node limits: pickles are bounded") {
  auto number = [](std::size_t digits) { return "L" + times(digits, "1") + "L\n."; };
  auto key = [](std::size_t items) { return "(" + times(items, "K\1") + "t"; };
  check_pickle(limit::pickle_depth, {.depth = 3}, "]]]aa.", "]]]]aaa.");
  check_pickle(limit::pickle_nodes, {.nodes = 20}, "(" + times(10, "N") + "t.",
               "(" + times(20, "N") + "t.");
  check_pickle(limit::pickle_memo_entries, {.memo_entries = 5}, "N" + times(5, "\x94") + ".",
               "N" + times(6, "\x94") + ".");
  check_pickle(limit::pickle_memory_bytes, {.memory_bytes = 2'000}, "(" + times(10, "N") + "t.",
               "(" + times(40, "N") + "t.");
  check_pickle(limit::pickle_integer_bytes, {.integer_bytes = 8}, "\x8a\x08" + times(8, "\1") + ".",
               "\x8a\x09" + times(9, "\1") + ".");
  check_pickle(limit::pickle_integer_digits, {.integer_digits = 30}, number(30), number(31));
  check_pickle(limit::pickle_compared_bytes, {.compared_bytes = 10'000}, "}" + key(10) + "Ns.",
               "}" + times(9, key(1'000) + "Ns") + ".");
  check_pickle(limit::pickle_trailing_bytes, {.trailing_bytes = 5}, "N.bytes", "N.behind");
}

TEST_CASE("node limits: the pickle of a request is bounded") {
  limited m{{.pickle = {.depth = 20}}};
  auto& peer = m.meet({});
  auto nested = [](int levels) {
    value v;
    for (int i = 0; i < levels; ++i) v = value::list({v});
    return v;
  };
  m.request(peer, pickled_call("slow", {nested(10)}));
  CHECK(m.owner.held.size() == 1);
  m.request(peer, pickled_call("slow", {nested(20)}));
  check_logged(m, limit::pickle_depth);
  CHECK(m.owner.logged.back().find("nested deeper than 20") != std::string::npos);
  CHECK(m.owner.held.size() == 1);
}

TEST_CASE("node limits: the pickle of a list of names is bounded") {
  limited m{{.pickle = {.nodes = 20}}};
  m.meet(std::vector<std::string>(20, "f"));
  check_closed(m, limit::pickle_nodes);
}

TEST_CASE("node limits: each exceeded limit increments its own counter") {
  limited m{{.name_bytes = 4, .inbound_calls = 1}};
  auto& peer = m.meet({});
  m.request(peer, pickled_call("slow", {1}));
  for (std::uint64_t i = 1; i <= 3; ++i) {
    m.request(peer, pickled_call("slow", {1}));
    CHECK(m.owner.logged.back().ends_with(m.said(limit::inbound_calls, i)));
  }
  CHECK(m.node.exceeded(limit::inbound_calls) == 3);
  for (const auto& row : patio::limit_table())
    if (row.which != limit::inbound_calls) CHECK(m.node.exceeded(row.which) == 0);
}
