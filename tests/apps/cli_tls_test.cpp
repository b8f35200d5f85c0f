// The `patio` command over TLS, with the certificates that examples/make_certificates.sh makes.
#include <doctest/doctest.h>

#include <signal.h>

#include <fstream>
#include <sstream>

#include "certificate_folder.hpp"
#include "cli.hpp"
#include "hosts_file.hpp"
#include "listening.hpp"

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

words believes(const folder& f) { return {"--tls-ca", f / "authority.pem"}; }
words shows(const folder& f, const std::string& who) {
  return {"--tls-cert", f / (who + ".pem"), "--tls-key", f / (who + ".key")};
}

finished multiply(const std::string& where, const words& flags) {
  return run(joined({{"call", "mul", "6", "7", "--connect", where}, flags}));
}

/// Returns the next log line that contains the text.
std::string await_log(server& s, const std::string& text) {
  for (;;)
    if (auto line = s.child().error_lines().line().value(); line.find(text) != std::string::npos)
      return line;
}

/// Revokes a certificate of the folder's authority if `who` is not empty. Then writes the
/// authority's revocation list to revoked.pem.
void revoke(const folder& f, const std::string& who = "") {
  std::ofstream{f / "ca.cnf"}
    << "[ca]\ndefault_ca = here\n[here]\ndatabase = index\ncertificate = authority.pem\n"
       "private_key = authority.key\ndefault_md = sha256\ndefault_crl_days = 1\n";
  const std::string script = "cd \"$0\" && touch index && { [ -z \"$1\" ] || openssl ca -config "
                             "ca.cnf -revoke \"$1.pem\"; } && "
                             "openssl ca -config ca.cnf -gencrl -out revoked.pem";
  auto done = patio::tests::run({"sh", "-c", script, f.path(), who});
  REQUIRE_MESSAGE(done.code == 0, done.err);
}

/// Returns the serial number of the server's certificate, as `openssl s_client` receives it.
std::string serial_of(const std::string& where) {
  return patio::tests::run({"sh", "-c",
                            "openssl s_client -connect " + where
                              + " </dev/null 2>/dev/null | openssl x509 -noout -serial"})
    .out;
}

} // namespace

TEST_CASE("patio over TLS: call, list, ping and bench work as without TLS") {
  folder f;
  server s{joined({{"--demo"}, shows(f, "server")})};
  CHECK(multiply(s.where(), believes(f)).out == "42\n");
  CHECK(run(joined({{"list", "--connect", s.where()}, believes(f)})).out.find("mul\n")
        != std::string::npos);
  CHECK(run(joined({{"ping", "--count", "2", "--connect", s.where()}, believes(f)})).code == 0);
  CHECK(run(joined({{"bench", "--connect", s.where(), "--function", "mul", "--args", "[3, 4]",
                     "--in-flight", "4", "--calls", "100"},
                    believes(f)}))
          .code
        == 0);
}

TEST_CASE(
  "patio over TLS: the certificate must have the dialled name, whichever address is reached") {
  folder f;
  server s{joined({{"--demo"}, shows(f, "server")})};
  auto port = patio::parse_endpoint(s.where()).value().port;
  patio::tests::silent_listener silent{{"::1", port}};
  hosts_file hosts{
    {"localhost ::1", "localhost 127.0.0.1", "many.test ::1", "many.test 127.0.0.1"}};
  auto call = [&](const std::string& name, const words& more) {
    auto where = name + ":" + std::to_string(port);
    return run(joined({{"call", "mul", "6", "7", "--connect", where}, believes(f), more}),
               hosts.environment());
  };
  CHECK(call("localhost", {}).out == "42\n");
  check_error(call("many.test", {}), 3, s.where() + ": "); // the address, then the reason
  CHECK(call("many.test", {}).err.find("certificate") != std::string::npos);
  CHECK(call("many.test", {"--tls-name", "localhost"}).out == "42\n");
}

TEST_CASE("patio over TLS: a server with --tls-ca accepts only clients with certificates, and "
          "--allow applies to the names in them") {
  folder f;
  server s{joined(
    {{"--demo", "--allow", "alice:*", "--allow", "*:sub"}, believes(f), shows(f, "server")})};
  CHECK(multiply(s.where(), joined({believes(f), shows(f, "alice")})).out == "42\n");
  check_error(multiply(s.where(), joined({believes(f), shows(f, "bob")})), 5,
              "nobody serves"); // the server does not announce functions that bob may not call
  check_error(multiply(s.where(), believes(f)), 3, "it demands a client certificate (--tls-");
}

TEST_CASE("patio over TLS: a node can listen and dial with the same certificate") {
  folder f;
  auto both = joined({believes(f), shows(f, "server")});
  server first{joined({{"--demo"}, both})}, second{joined({both, {"--connect", first.where()}})};
  CHECK(second.child().await("connected to ") == first.where());
}

TEST_CASE("patio over TLS: wrong TLS files are exit code 2, and the message says what is wrong") {
  folder f, other;
  check_error(multiply("127.0.0.1:1", {"--tls-ca", f / "nowhere.pem"}), 2,
              "nowhere.pem: No such file or directory");
  check_error(multiply("127.0.0.1:1", {"--tls-cert", f / "alice.pem"}), 2, "private key");
  check_error(multiply("127.0.0.1:1", {"--tls-cert", f / "alice.pem", "--tls-key", f / "bob.key"}),
              2, "key");
  check_error(multiply("127.0.0.1:1", {"--tls-ca", f / "alice.key"}), 2,
              "the authorities: there is no certificate in PEM form; there is a PRIVATE KEY "
              "(--tls-ca "
                + f / "alice.key" + ")");
  check_error(multiply("127.0.0.1:1", joined({believes(f), {"--tls-crl", f / "alice.pem"}})), 2,
              "the revocation lists: there is no certificate revocation list in PEM form");
  check_error(run({"serve", "--tls", "--listen", "127.0.0.1:0"}), 2,
              "needs a certificate and its private key");
}

TEST_CASE("patio over TLS: a refused certificate is exit code 3, with advice about certificates "
          "and not about keys") {
  folder f, other;
  server s{joined({{"--demo"}, shows(f, "server")})};
  auto port = s.where().substr(s.where().rfind(':'));
  auto check = [](const finished& o, const std::string& says) {
    check_error(o, 3, says);
    CHECK(o.err.find("--tls-") != std::string::npos);
    CHECK(o.err.find("PATIO_KEY") == std::string::npos);
  };
  check(multiply(s.where(), believes(other)), "certificate verify failed");
  check(multiply(s.where(), {"--tls"}), "certificate verify failed");
  check(multiply(s.where(), joined({believes(f), {"--tls-name", "elsewhere.example"}})),
        "the certificate is for localhost");
  CHECK(multiply(s.where(), joined({believes(f), {"--tls-name", "localhost"}})).out == "42\n");
  CHECK(multiply("localhost" + port, believes(f)).out == "42\n");
  CHECK(multiply(s.where(), {"--tls-insecure"}).out == "42\n");
}

TEST_CASE("patio over TLS: a chain over the limit is told to the client as such, and the log names "
          "the limit") {
  folder f;
  server s{
    joined({{"--demo", "--limit", "tls_handshake_bytes=2KiB"}, believes(f), shows(f, "server")})};
  auto chain = content(f / "alice.pem");
  for (int i = 0; i < 8; ++i) chain += content(f / "authority.pem");
  std::ofstream{f / "chain.pem"} << chain;
  auto told =
    multiply(s.where(),
             joined({believes(f), {"--tls-cert", f / "chain.pem", "--tls-key", f / "alice.key"}}));
  check_error(told, 3, "the peer refused with the TLS alert");
  CHECK(told.err.find("a long chain of certificates") != std::string::npos);
  CHECK(told.err.find("PATIO_KEY") == std::string::npos);
  await_log(s, "tls_handshake_bytes=2KiB");
  CHECK(multiply(s.where(), joined({believes(f), shows(f, "alice")})).out == "42\n");
}

TEST_CASE("patio serve: what can never listen is refused at the start, with advice that fits") {
  folder f;
  check_error(run({"serve", "--listen", "0.0.0.0:0"}), 2, "(set PATIO_KEY, --key-file, --peer-key");
  check_error(run({"serve", "--listen", "127.0.0.1:0", "--tls-ca", f / "authority.pem"}), 2,
              "needs a certificate and its private key");
  std::ofstream{f / "blank.pem"} << "\n";
  check_error(run(joined({{"serve", "--tls-ca", f / "blank.pem"}, shows(f, "server")})), 2,
              "there is no certificate in PEM form");
}

TEST_CASE("patio over TLS: with --tls-crl a revoked certificate is refused on either side as soon "
          "as the list is read") {
  folder f;
  revoke(f);
  const words list{"--tls-crl", f / "revoked.pem"};
  server s{joined({{"--demo", "--verbose"}, believes(f), shows(f, "server"), list})};
  auto by = [&](const std::string& who) {
    return multiply(s.where(), joined({believes(f), shows(f, who)}));
  };
  CHECK(by("alice").out == "42\n");
  CHECK(by("bob").out == "42\n");
  revoke(f, "bob");
  CHECK(by("bob").out == "42\n");
  s.child().signal(SIGHUP);
  await_log(s, "event=reload");
  check_error(by("bob"), 3, "it does not accept this side's certificate");
  await_log(s, "certificate revoked: the certificate of 'bob'");
  CHECK(by("alice").out == "42\n");
  auto checked = [&] {
    return multiply(s.where(), joined({believes(f), shows(f, "alice"), list}));
  };
  CHECK(checked().out == "42\n");
  revoke(f, "server");
  check_error(checked(), 3, "certificate revoked: the certificate of 'localhost'");
}

TEST_CASE("patio: TLS on one side only is exit code 3, and the message mentions TLS") {
  folder f;
  server plain;
  check_error(multiply(plain.where(), believes(f)), 3, "the peer does not speak TLS");
  server secure{joined({{"--demo", "--limit", "handshake_timeout=0.2"}, shows(f, "server")})};
  check_error(multiply(secure.where(), {}), 3, "--tls");
}

TEST_CASE("patio serve: SIGHUP loads new certificates, and after an error the old certificates "
          "stay in use") {
  folder f;
  server s{joined({{"--demo", "--verbose"}, shows(f, "server")})};
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
  CHECK(refused.find("the old certificates stay") != std::string::npos);
  CHECK(serial_of(s.where()) == second);
  CHECK(multiply(s.where(), believes(f)).out == "42\n");
}

TEST_CASE(
  "patio serve: an empty certificate or key file is refused and does not weaken the server") {
  folder f;
  server s{joined({{"--demo", "--verbose"}, believes(f), shows(f, "server")})};
  std::ofstream{f / "authority.pem", std::ios::trunc};
  s.child().signal(SIGHUP);
  await_log(s, f / "authority.pem" + " is empty");
  check_error(multiply(s.where(), {"--tls-insecure"}), 3, "certificate");
  check_error(run({"serve", "--tls-ca", f / "authority.pem"}), 2, "authority.pem is empty");
  check_error(run({"serve", "--key-file", f / "authority.pem"}), 2, "authority.pem is empty");
}

TEST_CASE("patio serve: its key and its private key appear neither in /proc nor in the log") {
  folder f;
  const std::string key = "a key for this test only";
  server s{joined({{"--demo", "--verbose"}, believes(f), shows(f, "server")}),
           {{"PATIO_KEY", key}}};
  CHECK(
    run(joined({{"call", "mul", "6", "7", "--connect", s.where()}, believes(f), shows(f, "alice")}),
        {{"PATIO_KEY", key}})
      .out
    == "42\n");
  check_error(multiply(s.where(), joined({believes(f), shows(f, "alice")})), 3, "PATIO_KEY");
  check_error(multiply(s.where(), believes(f)), 3, "it demands a client certificate");
  auto of_process = "/proc/" + std::to_string(s.child().id());
  auto seen = content(of_process + "/cmdline") + content(of_process + "/environ");
  CHECK(seen.find("PATIO_KEY=") != std::string::npos); // the process still has its environment
  s.child().signal(SIGTERM);
  auto log = s.child().error_lines().rest();
  CHECK(log.find("event=connected") != std::string::npos);
  CHECK(log.find(" name=alice functions=0") != std::string::npos);
  seen += log;
  CHECK(seen.find(key) == std::string::npos);
  std::istringstream private_key{content(f / "server.key")};
  for (std::string line; std::getline(private_key, line);)
    CHECK(seen.find(line) == std::string::npos);
}
