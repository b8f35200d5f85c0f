// Real Python patio 0.1.4 peers over TLS, with Python's ssl module and certificates on both sides.
#include <doctest/doctest.h>

#include "certificate_folder.hpp"
#include "nodes.hpp"
#include "peer_functions.hpp"
#include "python_peer.hpp"

using namespace patio;
using namespace patio::tests;

namespace {

tls_options options_for(const certificate_folder& f, const std::string& name) {
  return read_tls_files({.authorities = f / "authority.pem",
                         .certificate = f / (name + ".pem"),
                         .private_key = f / (name + ".key")})
    .value();
}

struct cpp_node {
  explicit cpp_node(const tcp_options& options) : node{peer_functions(back), options} {
    *back = node.broker();
  }
  ~cpp_node() { back->reset(); }
  broker_slot back = std::make_shared<std::optional<broker_actor>>();
  tcp_node node;
};

} // namespace

TEST_CASE("interop over TLS: a Python server and a C++ client call each other") {
  certificate_folder f;
  python_peer server{"server", "secret", f.path()};
  cpp_node client{{.key = "secret", .tls = options_for(f, "alice")}};
  auto peer = client.node.connect(server.where());
  CHECK(peer.proved == std::vector<std::string>{"localhost"});
  CHECK(ended(call<std::int64_t>(client.node.broker(), "mul", 6, 7)) == 42);
  CHECK(server.call("mul", "(6, 7)") == nlohmann::json({"ok", "42"}));
  std::string large(std::size_t{1} << 20, 'x');
  CHECK(ended(call<std::string>(client.node.broker(), "echo", large)) == large);
  CHECK(
    raised(failure(call<std::string>(client.node.broker(), "lookup", "b"))).ends_with("KeyError"));
  std::vector<call_future<std::int64_t>> many;
  for (int i = 0; i < 200; ++i)
    many.push_back(call<std::int64_t>(client.node.broker(), "add", i, i));
  for (int i = 0; i < 200; ++i) CHECK(ended(many[static_cast<std::size_t>(i)]) == 2 * i);
}

TEST_CASE(
  "interop over TLS: a C++ server and a Python client call each other, and access rules use "
  "the client's certificate") {
  certificate_folder f;
  cpp_node server{{.key = "secret", .tls = options_for(f, "server"), .rules = {{"alice", "*l*"}}}};
  python_peer client{"client", "secret", f.path()};
  REQUIRE(client.connect(server.node.listen()));
  CHECK(client.call("mul", "(6, 7)") == nlohmann::json({"ok", "42"}));
  CHECK(client.call("mul", "(6, 7)", 20, 100) == nlohmann::json({"ok", "42"}));
  // The node does not announce "add" to this client, which then waits for another peer.
  CHECK(client.call("add", "(6, 7)", 1)[1] == "TimeoutError");
  CHECK(ended(call<std::int64_t>(server.node.broker(), "mul", 6, 7)) == 42);
}

TEST_CASE("interop over TLS: Python and C++ refuse each other's wrong certificates") {
  certificate_folder f, other;
  SUBCASE("C++ client, Python server") {
    python_peer server{"server", "", other.path()};
    tcp_node client{registry{}, {.tls = options_for(f, "alice")}};
    auto login = ended(
      connect(client.broker(), server.where(), {.gives_up = patio::give_up::at_first_failure}));
    REQUIRE_FALSE(login);
    CHECK(login.error().code == errc::login_refused);
    CHECK(login.error().message.starts_with("certificate verify failed"));
  }
  SUBCASE("C++ client without a certificate, Python server") {
    python_peer server{"server", "", f.path()};
    auto tls = options_for(f, "alice");
    tls.certificates = {};
    tls.private_key = {};
    tcp_node client{registry{}, {.tls = tls}};
    auto login = ended(
      connect(client.broker(), server.where(), {.gives_up = patio::give_up::at_first_failure}));
    REQUIRE_FALSE(login);
    CHECK(login.error().code == errc::login_refused);
  }
  SUBCASE("Python client, C++ server") {
    log_capture log;
    tcp_node server{registry{}, {.tls = options_for(f, "server")}};
    python_peer client{"client", "", other.path()};
    CHECK_FALSE(client.connect(server.listen(), 1));
    auto line = log.await("event=closed");
    INFO(line); // Python may close without giving a reason
    CHECK(line.find("the login was refused") != std::string::npos);
  }
}
