// The `patio` command over TLS, with certificates made by examples/make_certificates.sh.
#include <doctest/doctest.h>

#include <signal.h>

#include <fstream>
#include <sstream>

#include "certificate_folder.hpp"
#include "cli.hpp"

using namespace patio::tests::cli;
using patio::tests::finished;
using folder = patio::tests::certificate_folder;

namespace {

using words = std::vector<std::string>;

std::string content(const std::string& path) {
  std::stringstream all;
  all << std::ifstream{path}.rdbuf();
  return all.str();
}

words joined(std::initializer_list<words> parts) {
  words all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

words trust(const folder& f) { return {"--tls-ca", f / "authority.pem"}; }
words present(const folder& f, const std::string& name) {
  return {"--tls-cert", f / (name + ".pem"), "--tls-key", f / (name + ".key")};
}

finished multiply(const std::string& where, const words& flags) {
  return run(joined({{"call", "mul", "6", "7", "--connect", where}, flags}));
}

/// Returns the next line of the log that contains the text.
std::string await_log(server& s, const std::string& text) {
  for (;;)
    if (auto line = s.child().error_lines().line().value(); line.find(text) != std::string::npos)
      return line;
}

/// Revokes the certificate of this name, unless the name is empty. Writes the authority's list of
/// all revoked certificates to revoked.pem.
void revoke(const folder& f, const std::string& name = "") {
  std::ofstream{f / "ca.cnf"}
    << "[ca]\ndefault_ca = here\n[here]\ndatabase = index\ncertificate = authority.pem\n"
       "private_key = authority.key\ndefault_md = sha256\ndefault_crl_days = 1\n";
  const std::string script = "cd \"$0\" && touch index && { [ -z \"$1\" ] || openssl ca -config "
                             "ca.cnf -revoke \"$1.pem\"; } && "
                             "openssl ca -config ca.cnf -gencrl -out revoked.pem";
  auto done = patio::tests::run({"sh", "-c", script, f.path(), name});
  REQUIRE_MESSAGE(done.code == 0, done.err);
}

/// Returns the serial number of a server's certificate, as a client sees it.
std::string serial_of(const std::string& where) {
  return patio::tests::run({"sh", "-c",
                            "openssl s_client -connect " + where
                              + " </dev/null 2>/dev/null | openssl x509 -noout -serial"})
    .out;
}

} // namespace

TEST_CASE("patio over TLS: call, list, ping and bench work as they do without TLS") {
  folder f;
  server s{joined({{"--demo"}, present(f, "server")})};
  CHECK(multiply(s.where(), trust(f)).out == "42\n");
  CHECK(run(joined({{"list", "--connect", s.where()}, trust(f)})).out.find("mul\n")
        != std::string::npos);
  CHECK(run(joined({{"ping", "--count", "2", "--connect", s.where()}, trust(f)})).code == 0);
  CHECK(run(joined({{"bench", "--connect", s.where(), "--function", "mul", "--args", "[3, 4]",
                     "--in-flight", "4", "--calls", "100"},
                    trust(f)}))
          .code
        == 0);
}

TEST_CASE(
  "patio over TLS: a server with --tls-ca requires client certificates, and --allow matches "
  "their names") {
  folder f;
  server s{
    joined({{"--demo", "--allow", "alice:*", "--allow", "*:sub"}, trust(f), present(f, "server")})};
  CHECK(multiply(s.where(), joined({trust(f), present(f, "alice")})).out == "42\n");
  check_error(multiply(s.where(), joined({trust(f), present(f, "bob")})), 5,
              "nobody serves"); // the server does not announce functions that bob may not call
  check_error(multiply(s.where(), trust(f)), 3, "it demands a client certificate (--tls-");
}

TEST_CASE("patio over TLS: two nodes that dial each other need one certificate each") {
  folder f;
  auto both = joined({trust(f), present(f, "server")});
  server first{joined({{"--demo"}, both})}, second{joined({both, {"--connect", first.where()}})};
  CHECK(second.child().await("connected to ") == first.where());
}

TEST_CASE("patio over TLS: an error in the files is exit code 2, and the message names the files") {
  folder f, other;
  check_error(multiply("127.0.0.1:1", {"--tls-ca", f / "nowhere.pem"}), 2,
              "nowhere.pem: No such file or directory");
  check_error(multiply("127.0.0.1:1", {"--tls-cert", f / "alice.pem"}), 2, "private key");
  check_error(multiply("127.0.0.1:1", {"--tls-cert", f / "alice.pem", "--tls-key", f / "bob.key"}),
              2, "key");
  check_error(multiply("127.0.0.1:1", {"--tls-ca", f / "alice.key"}), 2,
              "the authorities: there is no certificate in PEM form in it (--tls-ca "
                + f / "alice.key" + ")");
  check_error(multiply("127.0.0.1:1", joined({trust(f), {"--tls-crl", f / "alice.pem"}})), 2,
              "the revocation lists: there is no certificate revocation list in PEM form in it");
  check_error(run({"serve", "--tls", "--listen", "127.0.0.1:0"}), 2,
              "needs a certificate and its private key");
}

TEST_CASE(
  "patio over TLS: a refused certificate is exit code 3, with advice about certificates and "
  "not about keys") {
  folder f, other;
  server s{joined({{"--demo"}, present(f, "server")})};
  auto port = s.where().substr(s.where().rfind(':'));
  auto check = [](const finished& ended, const std::string& reason) {
    check_error(ended, 3, reason);
    CHECK(ended.err.find("--tls-") != std::string::npos);
    CHECK(ended.err.find("PATIO_KEY") == std::string::npos);
  };
  check(multiply(s.where(), trust(other)), "certificate verify failed");
  check(multiply(s.where(), {"--tls"}), "certificate verify failed");
  check(multiply(s.where(), joined({trust(f), {"--tls-name", "elsewhere.example"}})),
        "the certificate is for localhost");
  CHECK(multiply(s.where(), joined({trust(f), {"--tls-name", "localhost"}})).out == "42\n");
  CHECK(multiply("localhost" + port, trust(f)).out == "42\n");
  CHECK(multiply(s.where(), {"--tls-insecure"}).out == "42\n");
}

TEST_CASE(
  "patio over TLS: with --tls-crl a revoked certificate is refused on either side, once the "
  "list has been read") {
  folder f;
  revoke(f);
  const words list{"--tls-crl", f / "revoked.pem"};
  server s{joined({{"--demo", "--verbose"}, trust(f), present(f, "server"), list})};
  auto call_as = [&](const std::string& name) {
    return multiply(s.where(), joined({trust(f), present(f, name)}));
  };
  CHECK(call_as("alice").out == "42\n");
  CHECK(call_as("bob").out == "42\n");
  revoke(f, "bob");
  CHECK(call_as("bob").out == "42\n");
  s.child().signal(SIGHUP);
  await_log(s, "event=reload");
  check_error(call_as("bob"), 3, "it does not accept this side's certificate");
  await_log(s, "certificate revoked: that of 'bob'");
  CHECK(call_as("alice").out == "42\n");
  auto call_with_list = [&] {
    return multiply(s.where(), joined({trust(f), present(f, "alice"), list}));
  };
  CHECK(call_with_list().out == "42\n");
  revoke(f, "server");
  check_error(call_with_list(), 3, "certificate revoked: that of 'localhost'");
}

TEST_CASE("patio: TLS on one side only is exit code 3, and the message says so") {
  folder f;
  server plain;
  check_error(multiply(plain.where(), trust(f)), 3, "the peer does not speak TLS");
  server secure{joined({{"--demo", "--limit", "handshake_timeout=0.2"}, present(f, "server")})};
  check_error(multiply(secure.where(), {}), 3, "--tls");
}

TEST_CASE(
  "patio serve: SIGHUP loads new certificates, and keeps the old ones if the new ones are wrong") {
  folder f;
  server s{joined({{"--demo", "--verbose"}, present(f, "server")})};
  auto first = serial_of(s.where());
  CHECK(first.starts_with("serial="));
  f.make();
  CHECK(serial_of(s.where()) == first);
  auto await_reload = [&] {
    s.child().signal(SIGHUP);
    return await_log(s, "event=reload");
  };
  CHECK(await_reload().find("reason") == std::string::npos);
  auto second = serial_of(s.where());
  CHECK(second.starts_with("serial="));
  CHECK(second != first);
  std::ofstream{f / "server.pem"} << "nonsense";
  auto refused = await_reload();
  CHECK(refused.find("the certificates") != std::string::npos);
  CHECK(refused.find("; the old certificates stay in use\"") != std::string::npos);
  CHECK(serial_of(s.where()) == second);
  CHECK(multiply(s.where(), trust(f)).out == "42\n");
}

TEST_CASE("patio serve: an authority file that is empty for a moment does not weaken the checks") {
  folder f;
  server s{joined({{"--demo", "--verbose"}, trust(f), present(f, "server")})};
  std::ofstream{f / "authority.pem", std::ios::trunc};
  s.child().signal(SIGHUP);
  await_log(s, f / "authority.pem" + " is empty");
  check_error(multiply(s.where(), {"--tls-insecure"}), 3, "certificate");
  check_error(run({"serve", "--tls-ca", f / "authority.pem"}), 2, "authority.pem is empty");
  check_error(run({"serve", "--key-file", f / "authority.pem"}), 2, "authority.pem is empty");
}

TEST_CASE("patio serve: neither its key nor its private key is visible in /proc or in the log") {
  folder f;
  const std::string key = "a key for this test only";
  server s{joined({{"--demo", "--verbose"}, trust(f), present(f, "server")}), {{"PATIO_KEY", key}}};
  CHECK(
    run(joined({{"call", "mul", "6", "7", "--connect", s.where()}, trust(f), present(f, "alice")}),
        {{"PATIO_KEY", key}})
      .out
    == "42\n");
  check_error(multiply(s.where(), joined({trust(f), present(f, "alice")})), 3, "PATIO_KEY");
  check_error(multiply(s.where(), trust(f)), 3, "it demands a client certificate");
  auto proc = "/proc/" + std::to_string(s.child().id());
  auto visible = content(proc + "/cmdline") + content(proc + "/environ");
  CHECK(visible.find("PATIO_KEY=") != std::string::npos); // the environment itself was readable
  s.child().signal(SIGTERM);
  auto log = s.child().error_lines().rest();
  CHECK(log.find("event=connected") != std::string::npos);
  CHECK(log.find(" name=alice functions=0") != std::string::npos);
  visible += log;
  CHECK(visible.find(key) == std::string::npos);
  std::istringstream private_key{content(f / "server.key")};
  for (std::string line; std::getline(private_key, line);)
    CHECK(visible.find(line) == std::string::npos);
}
