// What a node tells peers about its functions, and asks of its peers: DESCRIBE and DESCRIPTION.
#include <patio/protocol/descriptions.hpp>

#include "protocol/played_peer.hpp"

using patio::function_description;
using patio::function_descriptions;
using patio::value;
using patio::protocol::extensions;
using patio::protocol::packet;

namespace {

const std::string secret_doc(100, 'x');

patio::registry two_functions() {
  patio::registry rpc;
  rpc.add("sub(a, b=0)", [](std::int64_t a, std::int64_t b) { return a - b; },
          {.doc = "a - b", .executor = "heavy"});
  rpc.add("secret", [] {}, {.doc = secret_doc, .quick = true});
  return rpc;
}

const function_description sub{"(a: int, b: int = 0) -> int", "a - b", "heavy", false};

struct described : mesh {
  test_node &client, &server;
  explicit described(patio::mesh::node_options for_server = {})
      : client{add(patio::registry{}, {})}, server{add(two_functions(), std::move(for_server))} {
    connect(0, 1);
    settle();
  }
  function_descriptions ask(const std::vector<std::string>& names) {
    auto peer = client.node.peers().at(0).id;
    REQUIRE(client.node.ask(peer, 7, patio::mesh::describe{names}));
    settle();
    REQUIRE(client.answers.descriptions.size() == 1);
    CHECK(client.answers.descriptions[0].first == 7);
    auto told = std::exchange(client.answers.descriptions, {});
    return patio::from_value<function_descriptions>(told[0].second).value();
  }
};

/// Sends a DESCRIBE to a node and returns why the node has closed the connection.
std::string closed_by(const value& payload) {
  played_mesh m{{}, two_functions()};
  m.meet({}).send(packet::describe, pickled(payload), m.now, 50);
  return m.owner.closings.empty() ? "open" : text_of(m.owner.closings.back());
}

} // namespace

TEST_CASE("node: a peer describes the functions that it is asked about, in their order") {
  described m;
  CHECK(m.ask({"secret", "sub", "unknown"})
        == function_descriptions{function_description{"()", secret_doc, "", true}, sub, {}});
  CHECK(m.ask({}).empty());
}

TEST_CASE("node: only the first 64 names are asked about") {
  described m;
  CHECK(m.ask(std::vector<std::string>(65, "sub")) == function_descriptions(64, sub));
}

TEST_CASE("node: a function that the peer may not call is described like one that does not exist") {
  described m{{.rules = {{"*", "s?b"}}}};
  CHECK(m.ask({"sub", "secret", "unknown"}) == function_descriptions{sub, {}, {}});
}

TEST_CASE("node: a description over the frame limit tells nothing") {
  described m{{.limits = {.frame_bytes = 128}}};
  CHECK(m.ask({"sub", "secret"}) == function_descriptions{{}, {}});
}

TEST_CASE("node: a peer without the extension is not asked, and gets no bytes") {
  described m{{.extensions = {}}};
  CHECK(m.ask({"sub"}).empty());
  CHECK(m.client.closings.empty());
}

TEST_CASE("node: a DESCRIBE that asks for too much or is not a list of names ends the connection") {
  CHECK(closed_by(value::list({"sub"})) == "open");
  CHECK(closed_by(value::list(std::vector<value>(64, "sub"))) == "open");
  CHECK(closed_by(value::list(std::vector<value>(65, "sub")))
          .find("DESCRIBE (type 45, serial 50): must not have more than 64 names")
        != std::string::npos);
  CHECK(closed_by("sub").find("must be list, not str") != std::string::npos);
  CHECK(closed_by(value::list({1})).find("[0] must be str, not int") != std::string::npos);
}

TEST_CASE("node: a DESCRIPTION that nobody has asked for ends the connection") {
  played_mesh m;
  m.meet({}).send(packet::description, pickled(value::list({})), m.now, 3);
  REQUIRE(m.owner.closings.size() == 1);
  CHECK(text_of(m.owner.closings[0]).find("unexpected DESCRIPTION") != std::string::npos);
}

TEST_CASE("node: a question that is open when its connection ends is answered with the error") {
  played_mesh m;
  auto& peer = m.meet({"f"});
  REQUIRE(m.node.ask(peer.id, 7, patio::mesh::describe{{"f"}}));
  (void)m.node.take_output(peer.id);
  m.node.close(peer.id, {patio::errc::maybe_executed, "the link broke", {}}, 1'000'000);
  CHECK(m.owner.code(7) == "maybe_executed");
  CHECK_FALSE(m.node.ask(peer.id, 8, patio::mesh::describe{{"f"}}));
}
