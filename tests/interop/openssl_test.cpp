// TLS with the openssl command as the other side.
#include <doctest/doctest.h>

#include "certificate_folder.hpp"
#include "nodes.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

tls_options options_for(const certificate_folder& f, const std::string& name) {
  return read_tls_files({.authorities = f / "authority.pem",
                         .certificate = f / (name + ".pem"),
                         .private_key = f / (name + ".key")})
    .value();
}

using words = std::vector<std::string>;

/// Flags that let the openssl command offer old versions.
const words old_versions = {"-cipher", "DEFAULT:@SECLEVEL=0"};

words joined(words all, const words& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

finished s_client(const certificate_folder& f, const endpoint& where, const words& more,
                  std::string_view input = {}) {
  words command{"openssl",
                "s_client",
                "-connect",
                to_string(where),
                "-CAfile",
                f / "authority.pem",
                "-verify_return_error",
                "-cert",
                f / "alice.pem",
                "-key",
                f / "alice.key"};
  return run(joined(joined(command, old_versions), more), {}, input);
}

} // namespace

TEST_CASE("openssl s_client: a node accepts TLS 1.2 and 1.3, and no older version") {
  certificate_folder f;
  log_capture log;
  tcp_node server{registry{}, {.tls = options_for(f, "server")}};
  auto where = server.listen();
  for (const auto& [flag, protocol] : {std::pair{"-tls1_2", "TLSv1.2"}, {"-tls1_3", "TLSv1.3"}}) {
    auto seen = s_client(f, where, {flag});
    CHECK(seen.code == 0);
    CHECK(seen.out.find(std::string{"New, "} + protocol) != std::string::npos);
    CHECK(seen.out.find("subject=CN = localhost") != std::string::npos);
    CHECK(seen.out.find("Verify return code: 0 (ok)") != std::string::npos);
    CHECK(seen.out.find("Compression: NONE") != std::string::npos);
    CHECK(seen.out.find("TLS session ticket") == std::string::npos);
  }
  for (const char* flag : {"-tls1", "-tls1_1"}) {
    auto seen = s_client(f, where, {flag});
    CHECK(seen.code != 0);
    CHECK(seen.err.find("protocol version") != std::string::npos);
  }
  CHECK(log.await("does not speak TLS 1.2 or later").find("event=closed") != std::string::npos);
}

TEST_CASE("openssl s_client: a node closes a client that renegotiates") {
  certificate_folder f;
  log_capture log;
  tcp_node server{registry{}, {.tls = options_for(f, "server")}};
  (void)s_client(f, server.listen(), {"-tls1_2"}, "R\n");
  log.await("the peer asks to renegotiate, and renegotiation is off");
}

TEST_CASE(
  "openssl s_server: a client shows its certificate with TLS 1.2 and 1.3, and accepts no older "
  "version") {
  certificate_folder f;
  tcp_options options{.tls = options_for(f, "alice")};
  options.limits.handshake_timeout = 500ms; // the server sends nothing after the TLS handshake
  for (const char* flag : {"-tls1_2", "-tls1_3", "-tls1_1"}) {
    words command{"openssl", "s_server",       "-accept",           "127.0.0.1:0", "-Verify",
                  "2",       "-CAfile",        f / "authority.pem", "-cert",       f / "server.pem",
                  "-key",    f / "server.key", "-naccept",          "1",           flag};
    process server{joined(command, old_versions), {}, process::errors::captured};
    auto where = parse_endpoint(server.await("ACCEPT ")).value();
    tcp_node client{registry{}, options};
    auto login =
      ended(connect(client.broker(), where, {.gives_up = patio::give_up::at_first_failure}));
    REQUIRE_FALSE(login);
    CHECK(login.error().code == errc::login_refused);
    INFO(login.error().message);
    if (flag == std::string{"-tls1_1"}) {
      CHECK(login.error().message.find("TLS") != std::string::npos);
      continue;
    }
    CHECK(login.error().message.find("no login within") != std::string::npos);
    CHECK(server.read_all().find("subject=CN = alice") != std::string::npos);
  }
}
