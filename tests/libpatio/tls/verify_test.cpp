// Certificates that are accepted or refused, with the error texts.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tls/fixture.hpp"

using namespace tls_testing;

namespace {

using content = certificate_content;

/// Returns the client's error about a server with this certificate, or "".
std::string error_about_server(const identity& server, std::string_view host = "a.example",
                               const std::string& revoked = "") {
  options dials{.authorities = identities().authority.certificate(), .revoked = revoked};
  pair p{context(options_of(server)), context(dials), host};
  CHECK(p.open() == p.client.verdict.has_value());
  if (!p.client.verdict) {
    CHECK(p.client.verdict.error().code == errc::login_refused);
    CHECK(p.client.engine->peer_names().empty());
    CHECK_FALSE(p.server.verdict); // the server has received the alert
  }
  return p.client.trouble();
}

/// Returns the server's error about a client with these options, or "".
std::string error_about_client(const options& dials, const std::string& revoked = "") {
  auto serves = options_of(identities().server, identities().authority.certificate());
  serves.revoked = revoked;
  pair p{context(serves), context(dials)};
  CHECK(p.server.engine->is_open() == p.server.verdict.has_value());
  if (!p.server.verdict) CHECK(p.server.verdict.error().code == errc::login_refused);
  if (!p.server.verdict) CHECK_FALSE(p.client.verdict);
  return p.server.trouble();
}
std::string error_about_client(const identity& client) {
  return error_about_client(options_of(client, identities().authority.certificate()));
}

bool says(const std::string& text, std::string_view part) {
  INFO(text);
  bool found = text.find(part) != std::string::npos;
  CHECK(found);
  return found;
}

identity server_for(std::vector<std::string> hosts, std::string common_name = "server") {
  return identities().authority.issue(
    {.common_name = std::move(common_name), .hosts = std::move(hosts)});
}

} // namespace

TEST_CASE("tls: a server with a certificate for its host from a trusted authority is accepted") {
  CHECK(error_about_server(identities().server) == "");
  CHECK(error_about_server(identities().server, "A.Example") == "");
  CHECK(error_about_server(identities().server, "a.example.") == "");
  CHECK(error_about_server(identities().server, "127.0.0.1") == "");
  CHECK(error_about_server(identities().server, "::1") == "");
  CHECK(error_about_server(identities().server, "::1%lo") == "");
}

TEST_CASE("tls: a certificate for another host is refused, and the error names its hosts") {
  CHECK(error_about_server(identities().server, "b.example")
        == "certificate verify failed: hostname mismatch: the certificate is for a.example, "
           "127.0.0.1, "
           "0000:0000:0000:0000:0000:0000:0000:0001, not b.example");
  says(error_about_server(identities().server, "127.0.0.2"),
       "IP address mismatch: the certificate is for");
  says(error_about_server(identities().server, "sub.a.example"), "hostname mismatch");
  says(error_about_server(identities().server, "example"), "hostname mismatch");
}

TEST_CASE("tls: a dialled address must be among the addresses of the certificate") {
  says(error_about_server(server_for({"127.0.0.1"}, "127.0.0.1"), "127.0.0.1"),
       "IP address mismatch: the certificate has no IP address, only the DNS name 127.0.0.1: it is "
       "not for the address 127.0.0.1");
  says(error_about_server(server_for({"127.0.0.1", "a.example"}), "127.0.0.1"),
       "only the DNS names 127.0.0.1, a.example: it is not for the address 127.0.0.1");
  says(error_about_server(server_for({}, "127.0.0.1"), "127.0.0.1"),
       "IP address mismatch: the certificate has no IP address, only the common name 127.0.0.1: it "
       "is not for the address 127.0.0.1");
  says(error_about_server(server_for({}, ""), "127.0.0.1"),
       "the certificate has no IP address: it is not for the address 127.0.0.1");
}

TEST_CASE("tls: the common name counts only if the certificate has no DNS name") {
  CHECK(error_about_server(server_for({}, "a.example")) == "");
  says(error_about_server(server_for({"b.example"}, "a.example")),
       "hostname mismatch: the certificate is for b.example, not a.example: beside DNS names, the "
       "common name does not count");
  says(error_about_server(server_for({}, "b.example")), "is for b.example, not a.example");
  says(error_about_server(server_for({}, "")), "the certificate is for no host, not a.example");
}

TEST_CASE("tls: a wildcard stands for one whole label") {
  auto wild = server_for({"*.b.example"});
  CHECK(error_about_server(wild, "a.b.example") == "");
  for (auto wrong : {"c.a.b.example", "b.example", "a.c.example"})
    says(error_about_server(wild, wrong), "hostname mismatch");
  says(error_about_server(server_for({"a*.b.example"}), "ab.b.example"), "hostname mismatch");
  says(error_about_server(server_for({"*"})), "hostname mismatch");
  says(error_about_server(server_for({"*.example"})),
       "hostname mismatch"); // a whole top-level domain
}

TEST_CASE("tls: a name with a NUL in it matches no host") {
  using namespace std::string_literals;
  auto tricky = server_for({"a.example\0.evil.example"s});
  says(error_about_server(tricky), "hostname mismatch");
  says(error_about_server(server_for({"evil.example"}, "a.example")), "hostname mismatch");
}

TEST_CASE("tls: the text of a stranger's certificate is escaped and cut before it is shown") {
  auto text = error_about_server(server_for({"evil\n\x1b[2J.example", std::string(500, 'x')}));
  CHECK(std::none_of(text.begin(), text.end(), [](char c) { return c < ' '; }));
  CHECK(text.size() < 400);
}

TEST_CASE("tls: certificates outside their period of validity are refused") {
  auto expired = identities().authority.issue(
    {.common_name = "old", .hosts = {"a.example"}, .valid_from = -3, .valid_until = -1});
  says(error_about_server(expired),
       "certificate has expired: the certificate of 'old' expired on ");
  says(error_about_client(expired),
       "certificate has expired: the certificate of 'old' expired on ");
  auto early = identities().authority.issue(
    {.common_name = "new", .hosts = {"a.example"}, .valid_from = 1, .valid_until = 3});
  says(error_about_server(early),
       "certificate is not yet valid: the certificate of 'new' is valid from ");
  says(error_about_client(early),
       "certificate is not yet valid: the certificate of 'new' is valid from ");
}

TEST_CASE("tls: certificates that no trusted authority has issued are refused") {
  content a{.common_name = "a.example", .hosts = {"a.example"}};
  says(error_about_server(identities().stranger.issue(a)),
       "the issuer 'a stranger' is not a trusted authority");
  says(error_about_client(identities().stranger.issue(a)),
       "the issuer 'a stranger' is not a trusted authority");
  says(error_about_server(identity::make(a, false, nullptr)),
       "self-signed certificate: 'a.example' is not a trusted authority");
  says(error_about_client(identity::make(a, false, nullptr)), "not a trusted authority");
}

TEST_CASE("tls: a certificate without the rights of an authority cannot issue another") {
  auto leaf = identities().server.issue({.common_name = "evil", .hosts = {"a.example"}});
  auto serves = options_of(leaf);
  serves.certificates = leaf.certificate() + identities().server.certificate();
  pair p{context(serves), context(trusting(identities().authority.certificate()))};
  says(p.client.trouble(), "invalid CA certificate");
}

TEST_CASE("tls: an intermediate authority comes with the chain, or is trusted itself") {
  auto between = identities().authority.issue_authority({.common_name = "between", .usage = ""});
  auto leaf = between.issue({.common_name = "leaf", .hosts = {"a.example"}});
  says(error_about_server(leaf), "the issuer 'between' is not a trusted authority");
  auto chained = options_of(leaf);
  chained.certificates = leaf.certificate() + between.certificate();
  CHECK(pair{context(chained), context(trusting(identities().authority.certificate()))}.open());
  CHECK(pair{context(options_of(leaf)), context(trusting(between.certificate()))}.open());
}

TEST_CASE("tls: a server certificate among the authorities is accepted, for its own name") {
  auto alone = identity::make({.common_name = "alone", .hosts = {"a.example"}}, false, nullptr);
  auto serves = context(options_of(alone)), dials = context(trusting(alone.certificate()));
  CHECK(pair{serves, dials}.open());
  says(pair{serves, dials, "b.example"}.client.trouble(), "hostname mismatch");
}

TEST_CASE("tls: a certificate for the other role is refused, and a certificate without a role is "
          "valid for both") {
  content for_role{.common_name = "x", .hosts = {"a.example"}};
  for_role.usage = "clientAuth";
  says(error_about_server(identities().authority.issue(for_role)),
       "the certificate of 'x' is not for servers");
  CHECK(error_about_client(identities().authority.issue(for_role)) == "");
  for_role.usage = "serverAuth";
  says(error_about_client(identities().authority.issue(for_role)),
       "the certificate of 'x' is not for clients");
  CHECK(error_about_server(identities().authority.issue(for_role)) == "");
  for_role.usage = "";
  CHECK(error_about_server(identities().authority.issue(for_role)) == "");
  CHECK(error_about_client(identities().authority.issue(for_role)) == "");
}

TEST_CASE("tls: with revocation lists, a revoked certificate is refused, and so is a certificate "
          "whose authority has no valid list") {
  const auto& authority = identities().authority;
  auto fine = authority.revocation_list({}),
       with_server = authority.revocation_list({identities().server});
  CHECK(error_about_server(identities().server, "a.example", fine) == "");
  says(error_about_server(identities().server, "a.example", with_server),
       "certificate revoked: the certificate of 'server'");
  says(
    error_about_server(identities().server, "a.example", identities().stranger.revocation_list({})),
    "there is no revocation list of 'the authority'");
  says(error_about_server(identities().server, "a.example", authority.revocation_list({}, -1)),
       "CRL has expired: the revocation list of 'the authority' has expired");
  auto dials = options_of(identities().client, authority.certificate());
  CHECK(error_about_client(dials, fine) == "");
  says(error_about_client(dials, authority.revocation_list({identities().client})),
       "certificate revoked: the certificate of 'client'");
}

TEST_CASE("tls: a server that has authorities demands a certificate of each client") {
  CHECK(error_about_client(identities().client) == "");
  CHECK(error_about_client(trusting(identities().authority.certificate()))
        == "the peer has sent no certificate, and this side demands one");
  pair p{context(options_of(identities().server, identities().authority.certificate())),
         context(trusting(identities().authority.certificate()))};
  says(
    p.client.trouble(),
    "the peer refused with the TLS alert 'certificate required': it demands a client certificate");
  CHECK(p.client.verdict.error().code == errc::login_refused);
}

TEST_CASE("tls: the names of a verified peer are its hosts and its common name") {
  pair p{context(options_of(identities().server, identities().authority.certificate())),
         context(options_of(identities().client, identities().authority.certificate()))};
  REQUIRE(p.open());
  CHECK(p.server.engine->peer_names() == std::vector<std::string>{"client.example", "client"});
  CHECK(p.client.engine->peer_names() == std::vector<std::string>{"a.example", "server"});
  CHECK(open_pair().server.engine->peer_names().empty());
}

TEST_CASE("tls: names with NUL or control characters are not names of a peer") {
  using namespace std::string_literals;
  auto client = identities().authority.issue(
    {.common_name = "line\nbreak", .hosts = {"admin\0.evil"s, "fine", "fine", ""}});
  pair p{context(options_of(identities().server, identities().authority.certificate())),
         context(options_of(client, identities().authority.certificate()))};
  REQUIRE(p.open());
  CHECK(p.server.engine->peer_names() == std::vector<std::string>{"fine"});
}

TEST_CASE("tls: a name in the options replaces the dialled host") {
  options dials{.authorities = identities().authority.certificate(), .name = "a.example"};
  auto serves = context(options_of(identities().server));
  CHECK(pair{serves, context(dials), "10.0.0.7"}.open());
  dials.name = "b.example";
  says(pair{serves, context(dials), "a.example"}.client.trouble(), "not b.example");
}

TEST_CASE("tls: a client whose options accept any server knows no name of the server") {
  auto anybody =
    identity::make({.common_name = "anybody", .valid_from = -3, .valid_until = -2}, false, nullptr);
  auto dials = context({.verify = options::verification::insecure_accept_any_server});
  pair p{context(options_of(anybody)), dials};
  CHECK(p.open());
  CHECK(p.client.engine->peer_names().empty());
}

TEST_CASE("tls: the insecure mode of clients does not weaken a server's check of clients") {
  auto serves = options_of(identities().server, identities().authority.certificate());
  serves.verify = options::verification::insecure_accept_any_server;
  pair p{context(serves), context(options_of(identities().stranger.issue({.common_name = "x"}),
                                             identities().authority.certificate()))};
  CHECK_FALSE(p.server.verdict);
}

TEST_CASE("tls: a client without authorities trusts the system's store") {
  auto serves = context(options_of(identities().server));
  says(pair{serves, context({})}.client.trouble(), "not a trusted authority");
  auto file = std::filesystem::temp_directory_path()
              / ("patio_tls_store_" + std::to_string(std::rand()) + ".pem");
  std::ofstream{file} << identities().authority.certificate();
  ::setenv("SSL_CERT_FILE", file.c_str(), 1);
  CHECK(pair{serves, context({})}.open());
  // With authorities in its options, a client trusts only these.
  CHECK_FALSE(pair{serves, context(trusting(identities().stranger.certificate()))}.open());
  ::unsetenv("SSL_CERT_FILE");
  std::filesystem::remove(file);
}
