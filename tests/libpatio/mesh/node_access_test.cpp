// The keys that peers log in with, and the rules for the names that peers may call.
#include <patio/mesh/node.hpp>

#include <stdexcept>

#include "protocol/played_peer.hpp"

using patio::access_rule;
using patio::named_key;
using patio::protocol::packet;

namespace {

const std::vector<named_key> two_keys{{"billing", "key of billing"}, {"admin", "key of admin"}};
const std::vector<access_rule> some_rules{{"*", "echo"}, {"billing", "m*"}, {"admin", "*"}};

using names = std::vector<std::string>;

/// A node that holds its work, and peers that each log in with their own key.
struct guarded : played_mesh {
  explicit guarded(patio::mesh::node_options options)
      : played_mesh{std::move(options), some_functions()} {
    owner.hold = true;
  }

  played_peer&
  log_in(const std::string& key,
         const patio::protocol::extensions& announced = patio::protocol::all_extensions) {
    peers.push_back(std::make_unique<played_peer>(node, names{}, announced, now));
    auto& peer = *peers.back();
    peer.send(
      packet::auth_request,
      patio::protocol::login_answer(patio::protocol::login_challenge(test_token), key, test_salt),
      now);
    return peer;
  }
  /// Returns the node's output since the previous call, as text.
  lines said_to(const played_peer& peer) {
    auto bytes = std::exchange(node.output(peer.id), {});
    return shown(bytes);
  }
  /// Returns the node's DISCOVER_RESPONSE to a peer with this key.
  std::string told(const std::string& key,
                   const patio::protocol::extensions& announced = patio::protocol::all_extensions) {
    auto& peer = log_in(key, announced);
    (void)said_to(peer);
    peer.send(packet::discover_request, pickled_none, now, 7);
    return said_to(peer).at(0);
  }
  /// Logs a peer in, runs discovery and returns the names that the peer has proved.
  names proved_with(const std::string& key) {
    auto& peer = log_in(key);
    peer.discover(now);
    settle();
    return owner.met.empty() ? names{"nobody"} : std::exchange(owner.met, {}).back().proved;
  }
};

/// Connects a dialling node with this key to a server.
struct dialled : mesh {
  test_node &client, &server;
  link& wire;
  dialled(patio::mesh::node_options for_client, patio::mesh::node_options for_server)
      : client{add(some_functions(), std::move(for_client))},
        server{add(some_functions(), std::move(for_server))}, wire{connect(0, 1)} {
    settle();
    finish_closing();
  }
  std::string call(test_node& by, const std::string& name, std::vector<patio::value> args) {
    by.node.call(++token_, calling(name, std::move(args)), now);
    settle();
    return by.fate(token_);
  }

private:
  std::uint64_t token_ = 0;
};

} // namespace

TEST_CASE("node: a peer that logs in with a named key proves that name, and the node's own key "
          "proves none") {
  guarded m{{.key = "own", .keys = two_keys}};
  CHECK(m.proved_with("key of billing") == names{"billing"});
  CHECK(m.proved_with("key of admin") == names{"admin"});
  CHECK(m.proved_with("own") == names{});
  CHECK(m.owner.closings.empty());
  CHECK(m.node.peers().back().proved == names{});
  CHECK(m.node.peers().front().proved == names{"billing"});
}

TEST_CASE("node: an unknown key is refused, and the empty key is refused if there are named keys") {
  guarded m{{.keys = two_keys}};
  for (const auto* key : {"", "key of Billing", "billing", "key of billing "}) {
    m.log_in(key);
    REQUIRE_FALSE(m.owner.closings.empty());
    CHECK(std::exchange(m.owner.closings, {}).back()
          == patio::error{patio::errc::login_refused, "wrong key", {}});
  }
  CHECK(m.proved_with("key of admin") == names{"admin"});
  guarded open{{}};
  CHECK(open.proved_with("") == names{}); // without any key every peer may log in
}

TEST_CASE("node: keys that are too long or ambiguous are refused at once") {
  auto made_with = [](patio::mesh::node_options options) {
    test_node{std::move(options), patio::registry{}};
  };
  CHECK_THROWS_WITH_AS(made_with({.key = std::string(33, 'k')}),
                       "a key has at most 32 bytes, not 33", std::invalid_argument);
  CHECK_THROWS_WITH_AS(made_with({.keys = {{"a", std::string(33, 'k')}}}),
                       "a key has at most 32 bytes, not 33", std::invalid_argument);
  CHECK_THROWS_WITH_AS(made_with({.key = "k", .keys = {{"a", "k"}}}),
                       "the key of 'a' occurs twice: all keys must be different",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(made_with({.keys = {{"a", ""}}}),
                       "a named key needs a name and at least one byte", std::invalid_argument);
  CHECK_NOTHROW(made_with({.key = std::string(32, 'k'), .keys = two_keys}));
}

TEST_CASE("node: a C++ or Python peer is told only the names that it may call") {
  for (const auto& announced : {patio::protocol::all_extensions, patio::protocol::extensions{}}) {
    guarded m{{.key = "own", .keys = two_keys, .rules = some_rules}};
    CHECK(m.told("own", announced) == "DISCOVER_RESPONSE 7 ['echo']");
    CHECK(m.told("key of billing", announced) == "DISCOVER_RESPONSE 7 ['mul', 'echo']");
    CHECK(m.told("key of admin", announced)
          == "DISCOVER_RESPONSE 7 ['mul', 'echo', 'slow', 'fail']");
  }
}

TEST_CASE("node: without rules every peer is told all names") {
  guarded m{{.key = "own", .keys = two_keys}};
  for (const auto* key : {"own", "key of admin"})
    CHECK(m.told(key) == "DISCOVER_RESPONSE 7 ['mul', 'echo', 'slow', 'fail']");
}

TEST_CASE(
  "node: a forbidden call is logged and gets PermissionError, whether or not the function exists") {
  for (const auto& announced : {patio::protocol::all_extensions, patio::protocol::extensions{}}) {
    guarded m{{.key = "own", .keys = two_keys, .rules = some_rules}};
    auto& peer = m.log_in("key of billing", announced);
    peer.discover(m.now);
    m.settle();
    for (std::uint32_t serial : {5u, 6u}) {
      auto name = serial == 5 ? "slow" : "drop_all";
      peer.send(packet::request, pickled_call(name, {1}), m.now, serial);
      CHECK(m.said_to(peer)
            == lines{"ERROR " + std::to_string(serial) + " PermissionError('" + name + "')"});
      CHECK(m.owner.logged.back()
            == "played:1: 'billing' may not call '" + std::string{name} + "'");
    }
    CHECK(m.owner.held.empty());
    peer.send(packet::request, pickled_call("mul", {6, 7}), m.now, 8);
    CHECK(m.owner.held.size() == 1);
    peer.send(packet::request, pickled_call("nothing", {6, 7}), m.now, 9);
    CHECK(m.said_to(peer) == lines{"ERROR 9 PermissionError('nothing')"});
    peer.send(packet::request, pickled_call("mine", {6, 7}), m.now, 10); // a permitted name
    CHECK(m.said_to(peer).at(0).starts_with("ERROR 10 KeyError('mine'"));
  }
}

TEST_CASE(
  "node: rules apply to quick functions as well, and a call without a matching rule is refused") {
  guarded m{{.key = "own", .keys = two_keys, .rules = {{"admin", "*"}}}};
  auto& peer = m.log_in("key of billing");
  peer.discover(m.now);
  m.settle();
  peer.send(packet::request, pickled_call("echo", {1}), m.now, 5);
  CHECK(m.said_to(peer) == lines{"ERROR 5 PermissionError('echo')"});
  CHECK(m.told("key of billing") == "DISCOVER_RESPONSE 7 []");
  CHECK(m.told("own") == "DISCOVER_RESPONSE 7 []");
  auto& nameless = m.log_in("own");
  nameless.discover(m.now);
  m.settle();
  nameless.send(packet::request, pickled_call("echo", {1}), m.now, 5);
  CHECK(m.owner.logged.back() == "played:1: a peer without a name may not call 'echo'");
}

TEST_CASE("node: a calling node reports a forbidden name as a name that nobody serves") {
  dialled m{{.key = "key of billing"}, {.keys = two_keys, .rules = some_rules}};
  REQUIRE(m.client.met.size() == 1);
  auto told = m.client.met[0].names;
  std::sort(told.begin(), told.end());
  CHECK(told == names{"echo", "mul"});
  CHECK(m.call(m.client, "mul", {6, 7}) == "42");
  CHECK(m.call(m.client, "slow", {1})
        == "pending"); // the call waits for a peer that serves the name
  m.pass(5s);
  CHECK(m.client.code(2) == "no_route");
}

TEST_CASE("node: rules also apply to a dialled peer, although a dialled peer has proved no name") {
  dialled m{{.rules = some_rules}, {}};
  REQUIRE(m.server.met.size() == 1);
  CHECK(m.server.met[0].names == names{"echo"});
  CHECK(m.call(m.server, "echo", {7}) == "7");
  CHECK(m.call(m.client, "mul", {6, 7}) == "42");
  CHECK(m.client.met[0].proved.empty());
}

TEST_CASE("node: a wrong key closes the connection at both nodes") {
  dialled m{{.key = "another"}, {.keys = two_keys}};
  CHECK(m.client.met.empty());
  REQUIRE(m.server.closings.size() == 1);
  CHECK(text_of(m.server.closings[0]) == "wrong key");
  CHECK(m.client.closings.size() == 1);
  CHECK(m.server.node.tables().connections == 0);
}
