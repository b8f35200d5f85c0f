// Options that cannot be, and the words for it.
#include "tls_fixture.hpp"

using namespace tls_testing;

namespace {

std::string trouble(const options& o) {
  auto made = tls_context::make(o);
  CHECK(ERR_peek_error() == 0);
  if (!made) CHECK(made.error().code == errc::invalid);
  return made ? "" : made.error().message;
}

std::string trouble_dialling(std::string_view host) {
  auto made = context({}).connect(host);
  CHECK(ERR_peek_error() == 0);
  return made ? "" : made.error().message;
}

bool begins(const std::string& text, std::string_view with) {
  INFO(text);
  CHECK(text.starts_with(with));
  return text.starts_with(with);
}

} // namespace

TEST_CASE("tls options: a certificate and its key come together") {
  auto good = options_of(the().server);
  CHECK(trouble(good) == "");
  CHECK(trouble({.certificates = good.certificates}) == "there is a certificate, but no private key");
  CHECK(trouble({.private_key = good.private_key}) == "there is a private key, but no certificate");
  CHECK(trouble({.certificates = good.certificates, .private_key = the().client.private_key()})
        == "the private key does not belong to the certificate (the first one, where there are several)");
  CHECK(trouble({.certificates = the().authority.certificate() + good.certificates, .private_key = good.private_key})
        == "the private key does not belong to the certificate (the first one, where there are several)");
}

TEST_CASE("tls options: one PEM text may hold the certificate and the key") {
  auto both = the().server.private_key() + the().server.certificate();
  CHECK(trouble({.certificates = both, .private_key = both}) == "");
}

TEST_CASE("tls options: what is no PEM, or another kind of it, is named") {
  auto good = options_of(the().server);
  CHECK(trouble({.certificates = "nonsense", .private_key = good.private_key})
        == "the certificates: there is no certificate in PEM form in it");
  CHECK(trouble({.certificates = good.certificates, .private_key = "nonsense"})
        == "the private key: there is no readable private key in PEM form in it");
  CHECK(trouble({.authorities = std::string{good.private_key.view()}}) == "the authorities: there is no certificate in PEM form in it");
  CHECK(trouble({.revoked = good.certificates}) == "the revocation lists: there is no certificate revocation list in PEM form in it");
  auto damaged = good.certificates;
  damaged.replace(damaged.size() / 2, 8, "!!!!!!!!");
  begins(trouble({.authorities = good.certificates + damaged}), "the authorities: number 2 is no readable certificate: ");
}

TEST_CASE("tls options: every cut of a certificate or key is refused or whole") {
  auto good = options_of(the().server);
  for (std::size_t n = 1; n < good.certificates.size(); n += 7) {
    auto cut = trouble({.certificates = good.certificates.substr(0, n), .private_key = good.private_key});
    CHECK((!cut.empty() || n > good.certificates.size() - 3));
  }
  for (std::size_t n = 1; n < good.private_key.size(); n += 7) {
    auto cut = trouble({.certificates = good.certificates, .private_key = good.private_key.view().substr(0, n)});
    CHECK((!cut.empty() || n > good.private_key.size() - 3));
    CHECK(cut.find(good.private_key.view().substr(40, 8)) == std::string::npos);
  }
}

TEST_CASE("tls options: an encrypted private key is refused without asking") {
  CHECK(trouble({.certificates = the().server.certificate(), .private_key = the().server.encrypted_private_key("pass")})
        == "the private key: it is encrypted, and no pass phrase is asked for; 'openssl pkey' writes it without one");
}

TEST_CASE("tls options: weak certificates of one's own are refused") {
  auto small = the().authority.issue({.common_name = "small", .key = certificate_content::key_kind::rsa1024});
  CHECK(trouble(options_of(small)) == "the certificate is too weak: ee key too small (RSA has at least 2048 bits, signatures SHA-256)");
  auto old = the().authority.issue({.common_name = "old", .sha1 = true});
  begins(trouble(options_of(old)), "the certificate is too weak: ca md too weak");
  CHECK(trouble(options_of(the().authority.issue({.common_name = "rsa", .key = certificate_content::key_kind::rsa2048}))) == "");
}

TEST_CASE("tls options: who can accept, and whom it asks for a certificate") {
  auto client = context(believing(the().authority.certificate()));
  CHECK_FALSE(client.can_accept());
  CHECK_FALSE(client.demands_client_certificate());
  CHECK_THROWS_AS((void)client.accept(), std::logic_error);
  auto open_server = context(options_of(the().server));
  CHECK(open_server.can_accept());
  CHECK_FALSE(open_server.demands_client_certificate());
  CHECK(context(options_of(the().server, the().authority.certificate())).demands_client_certificate());
}

TEST_CASE("tls options: hosts that cannot be verified are refused before anything is sent") {
  using namespace std::string_literals;
  CHECK(trouble_dialling("a.example") == "");
  CHECK(trouble_dialling("") == "TLS cannot verify the host '': it is empty");
  CHECK(trouble_dialling(".example") == "TLS cannot verify the host '.example': it begins with a dot");
  CHECK(trouble_dialling("bücher.example") == "TLS cannot verify the host 'bücher.example': write it as DNS has it, xn--...");
  CHECK(trouble_dialling("a.example\0.evil"s) == "TLS cannot verify the host '': it has blanks or control characters");
  CHECK(trouble_dialling("a b") == "TLS cannot verify the host '': it has blanks or control characters");
  CHECK(trouble_dialling(std::string(300, 'a')) != "");
}
