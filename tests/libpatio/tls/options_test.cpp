// Options that a context refuses, and the error texts.
#include <openssl/conf.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <tuple>

#include <patio/tls/settings.hpp>

#include "tls/fixture.hpp"

using namespace tls_testing;

namespace {

std::string trouble(const options& o) {
  auto made = tls::context::make(o);
  CHECK(ERR_peek_error() == 0);
  if (!made) CHECK(made.error().code == errc::invalid);
  return made ? "" : made.error().message;
}

std::string trouble_dialling(std::string_view host) {
  auto made = context({}).connect(host);
  CHECK(ERR_peek_error() == 0);
  return made ? "" : made.error().message;
}

/// Sets the system's configuration of OpenSSL for every SSL_CTX, as long as this object lives.
class system_settings {
public:
  explicit system_settings(const std::string& all) {
    auto file = std::filesystem::temp_directory_path()
                / ("patio_openssl_" + std::to_string(std::rand()) + ".cnf");
    std::ofstream{file}
      << "openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = all\n[all]\n"
      << all;
    load(file.c_str());
    std::filesystem::remove(file);
  }
  ~system_settings() { load(nullptr); } // back to the machine's own configuration

private:
  static void load(const char* file) {
    CONF_modules_finish();
    CHECK(CONF_modules_load_file(file, nullptr,
                                 CONF_MFLAGS_IGNORE_MISSING_FILE | CONF_MFLAGS_DEFAULT_SECTION)
          > 0);
  }
};

bool begins(const std::string& text, std::string_view beginning) {
  INFO(text);
  CHECK(text.starts_with(beginning));
  return text.starts_with(beginning);
}

} // namespace

TEST_CASE("tls options: a certificate needs its key, and a key its certificate") {
  auto good = options_of(identities().server);
  CHECK(trouble(good) == "");
  CHECK(trouble({.certificates = good.certificates})
        == "there is a certificate, but no private key");
  CHECK(trouble({.private_key = good.private_key}) == "there is a private key, but no certificate");
  CHECK(
    trouble({.certificates = good.certificates, .private_key = identities().client.private_key()})
    == "the private key does not belong to the certificate (the first one if there are "
       "several)");
  CHECK(trouble(
          {.certificates = identities().authority.certificate() + identities().server.certificate(),
           .private_key = good.private_key})
        == "the private key does not belong to the certificate (the first one if there are "
           "several)");
}

TEST_CASE("tls options: one PEM text may hold the certificate and the key") {
  auto both = identities().server.private_key() + identities().server.certificate();
  CHECK(trouble({.certificates = both, .private_key = both}) == "");
}

TEST_CASE("tls options: an error names the option that is not PEM, or PEM of another kind") {
  auto good = options_of(identities().server);
  CHECK(trouble({.certificates = "nonsense", .private_key = good.private_key})
        == "the certificates: there is no certificate in PEM form");
  CHECK(trouble({.certificates = good.certificates, .private_key = "nonsense"})
        == "the private key: there is no readable private key in PEM form");
  CHECK(trouble({.authorities = std::string{good.private_key.view()}})
        == "the authorities: there is no certificate in PEM form; there is a PRIVATE KEY");
  CHECK(
    trouble({.certificates = "\x30\x82\x01\x02", .private_key = good.private_key})
    == "the certificates: there is no certificate in PEM form; it seems to be in DER form, which "
       "'openssl' converts with -inform DER");
  CHECK(trouble({.certificates = good.certificates,
                 .private_key = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
                                "-----END EC PARAMETERS-----\n"})
        == "the private key: there is no readable private key in PEM form; there is a EC "
           "PARAMETERS");
  CHECK(trouble({.authorities = "-----BEGIN CERTIFICATE REQUEST-----\nMIIB\n"
                                "-----END CERTIFICATE REQUEST-----\n"})
        == "the authorities: there is no certificate in PEM form; there is a CERTIFICATE REQUEST");
  CHECK(trouble({.authorities = "\n \n"})
        == "the authorities: there is no certificate in PEM form");
  const auto& fine = identities().server.certificate();
  CHECK(trouble({.revoked = fine})
        == "the revocation lists: there is no certificate revocation list in PEM form; there is a "
           "CERTIFICATE");
  auto damaged = fine;
  damaged.replace(damaged.size() / 2, 8, "!!!!!!!!");
  begins(trouble({.authorities = fine + damaged}),
         "the authorities: number 2 is not a readable certificate: ");
}

TEST_CASE("tls options: a truncated certificate or key is refused, without showing the key") {
  auto good = options_of(identities().server);
  for (std::size_t n = 1; n < good.certificates.size(); n += 7) {
    auto cut = trouble(
      {.certificates = good.certificates.view().substr(0, n), .private_key = good.private_key});
    CHECK((!cut.empty() || n > good.certificates.size() - 3));
  }
  for (std::size_t n = 1; n < good.private_key.size(); n += 7) {
    auto cut = trouble(
      {.certificates = good.certificates, .private_key = good.private_key.view().substr(0, n)});
    CHECK((!cut.empty() || n > good.private_key.size() - 3));
    CHECK(cut.find(good.private_key.view().substr(40, 8)) == std::string::npos);
  }
}

TEST_CASE("tls options: an encrypted private key is refused without asking") {
  CHECK(
    trouble({.certificates = identities().server.certificate(),
             .private_key = identities().server.encrypted_private_key("pass")})
    == "the private key: it is encrypted, and patio does not ask for pass phrases; 'openssl pkey' "
       "writes an unencrypted key");
}

TEST_CASE("tls options: a weak certificate of the node itself is refused") {
  auto small = identities().authority.issue(
    {.common_name = "small", .key = certificate_content::key_kind::rsa1024});
  CHECK(trouble(options_of(small))
        == "the certificate is too weak: ee key too small (RSA keys need at least 2048 bits, "
           "signatures SHA-256)");
  auto old = identities().authority.issue({.common_name = "old", .sha1 = true});
  begins(trouble(options_of(old)), "the certificate is too weak: ca md too weak");
  auto between = identities().authority.issue_authority(
    {.common_name = "between", .usage = "", .key = certificate_content::key_kind::rsa1024});
  auto chained = options_of(between.issue({.common_name = "leaf"}));
  chained.certificates = std::string{chained.certificates.view()} + between.certificate();
  begins(trouble(chained), "a certificate of the chain is too weak: ca key too small");
  CHECK(trouble(options_of(identities().authority.issue(
          {.common_name = "rsa", .key = certificate_content::key_kind::rsa2048})))
        == "");
}

TEST_CASE("tls options: the system's configuration of OpenSSL cannot weaken a context") {
  auto settings = [] {
    auto made = patio::tls::make_ssl_context(options_of(identities().server)).value();
    return std::tuple{SSL_CTX_get_options(made.get()), SSL_CTX_get_security_level(made.get()),
                      SSL_CTX_get_min_proto_version(made.get())};
  };
  auto usual = settings();
  auto [switches, level, oldest] = usual;
  for (auto off : {SSL_OP_NO_COMPRESSION, SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET})
    CHECK((switches & off) != 0);
  for (auto on : {SSL_OP_ALLOW_CLIENT_RENEGOTIATION, SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION,
                  SSL_OP_LEGACY_SERVER_CONNECT, SSL_OP_IGNORE_UNEXPECTED_EOF, SSL_OP_ENABLE_KTLS})
    CHECK((switches & on) == 0);
  CHECK(level == 2);
  CHECK(oldest == TLS1_2_VERSION);
  system_settings lax{
    "Options = Compression, SessionTicket, UnsafeLegacyRenegotiation, UnsafeLegacyServerConnect, "
    "ClientRenegotiation, "
    "IgnoreUnexpectedEOF, KTLS\nMinProtocol = TLSv1\nCipherString = ALL:@SECLEVEL=0\n"};
  patio::tls::ssl_ctx_handle plain{SSL_CTX_new(TLS_method())};
  // A plain SSL_CTX obeys the configuration.
  REQUIRE((SSL_CTX_get_options(plain.get()) & SSL_OP_NO_COMPRESSION) == 0);
  CHECK(settings() == usual);
}

TEST_CASE("tls options: a context with a certificate accepts connections, and a context with "
          "authorities demands client certificates") {
  auto client = context(trusting(identities().authority.certificate()));
  CHECK_FALSE(client.can_accept());
  CHECK_FALSE(client.demands_client_certificate());
  CHECK_THROWS_AS((void)client.accept(1024), std::logic_error);
  auto open_server = context(options_of(identities().server));
  CHECK(open_server.can_accept());
  CHECK_FALSE(open_server.demands_client_certificate());
  CHECK(context(options_of(identities().server, identities().authority.certificate()))
          .demands_client_certificate());
}

TEST_CASE("tls options: hosts that cannot be verified are refused before anything is sent") {
  using namespace std::string_literals;
  CHECK(trouble_dialling("a.example") == "");
  CHECK(trouble_dialling("") == "TLS cannot verify the host '': it is empty");
  CHECK(trouble_dialling(".example")
        == "TLS cannot verify the host '.example': it begins with a dot");
  CHECK(trouble_dialling("bücher.example")
        == "TLS cannot verify the host 'bücher.example': write it in its DNS form, xn--...");
  CHECK(trouble_dialling("a.example\0.evil"s)
        == "TLS cannot verify the host '': it contains blanks or control characters");
  CHECK(trouble_dialling("a b")
        == "TLS cannot verify the host '': it contains blanks or control characters");
  CHECK(trouble_dialling(std::string(300, 'a')) != "");
}
