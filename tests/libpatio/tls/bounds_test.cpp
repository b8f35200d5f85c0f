// The memory that a peer can make an engine hold before, during and after the handshake.
#include <patio/tls/tls.hpp>

#include <malloc.h>
#include <openssl/ocsp.h>

#include "hex.hpp"
#include "tls/fixture.hpp"
#include "tls/raw.hpp"

using namespace tls_testing;

/// AddressSanitizer has its own malloc. mallinfo2 does not count its memory, and it takes more
/// memory for the same objects.
extern "C" [[gnu::weak]] std::size_t __sanitizer_get_current_allocated_bytes();

namespace {

/// Returns the bytes in use.
std::size_t allocated() {
  if (__sanitizer_get_current_allocated_bytes) return __sanitizer_get_current_allocated_bytes();
  auto in_use = ::mallinfo2();
  return in_use.uordblks + in_use.hblkhd;
}

/// Returns the largest memory of our side while a raw peer's handshake arrives in pieces of `cut`
/// bytes. A peer that stalls anywhere in the handshake makes our side hold at most this amount.
/// Does not count our side's own bytes for the peer, nor what our side holds once it has refused
/// the peer.
template <class Make, class Prepare>
std::size_t peak_of_handshake(raw_peer::role raw_side, Make make, Prepare prepare,
                              std::size_t cut = 1) {
  raw_peer raw{raw_side, prepare};
  std::size_t held = 0, peak = 0;
  auto count = [&](auto act) {
    auto before = allocated();
    act();
    held += allocated() - before;
  };
  std::unique_ptr<side> ours;
  count([&] { ours = std::make_unique<side>(make()); });
  while (!ours->engine->is_open()) {
    std::string answer;
    count([&] { answer = ours->bytes(); });
    held -= answer.capacity();
    auto flight = raw.take(answer);
    REQUIRE_FALSE(flight.empty());
    for (std::string_view rest = flight; !rest.empty();
         rest.remove_prefix(std::min(cut, rest.size()))) {
      count([&] { ours->take(rest.substr(0, cut)); });
      if (!ours->verdict) return peak;
      peak = std::max(peak, held);
    }
  }
  return peak;
}

/// Returns the smallest of three measurements. The first measurement in a process includes memory
/// that OpenSSL keeps for the process, and the memory that malloc keeps in reserve varies.
template <class Measure>
std::size_t least(Measure measure) {
  return std::min({measure(), measure(), measure()});
}

/// Adds names of authorities to a ClientHello. A name has four bytes there, and takes 180 bytes of
/// memory at the receiver.
void add_empty_names(SSL_CTX* context, int count) {
  auto* names = sk_X509_NAME_new_null();
  while (count-- > 0) sk_X509_NAME_push(names, X509_NAME_new());
  SSL_CTX_set0_CA_list(context, names);
}

/// Fills a ClientHello almost to the largest size with the parts that cost most memory.
void fill_hello(SSL_CTX* context) {
  std::vector<unsigned char> protocols;
  for (int i = 0; i < 10; ++i) {
    protocols.push_back(255);
    protocols.insert(protocols.end(), 255, 'x');
  }
  REQUIRE(
    SSL_CTX_set_alpn_protos(context, protocols.data(), static_cast<unsigned>(protocols.size()))
    == 0);
  add_empty_names(context, 23);
}

/// Adds certificates behind the peer's own.
void lengthen_chain(SSL_CTX* context, int count) {
  for (auto more = x509_of(identities().authority); count > 0; --count)
    REQUIRE(SSL_CTX_add1_chain_cert(context, more.get()) == 1);
}

constexpr std::uint8_t client_hello = 1, certificate = 11;

/// Returns the beginning of a record with a handshake message that claims `size` bytes.
std::string message_of(std::size_t size, std::uint8_t kind = client_hello) {
  std::string m = from_hex("1603014000") + static_cast<char>(kind);
  for (int shift = 16; shift >= 0; shift -= 8) m += static_cast<char>(size >> shift);
  return m;
}

} // namespace

TEST_CASE("tls: a record larger than OpenSSL accepts is refused at its header") {
  auto p = open_pair();
  // 16 KiB and 321 bytes. No encryption adds so many bytes.
  CHECK_FALSE(p.server.take(from_hex("1703034141")));
  CHECK(p.server.trouble().find("too long") != std::string::npos);
  auto fresh = accept(both_sides().first);
  CHECK_FALSE(fresh.take(from_hex("1603014141")));
  // An unencrypted message of 16 KiB, whose last four bytes are missing.
  auto in_the_clear = [](const char* header, std::size_t size) {
    auto client = connect(both_sides().second);
    return client.take(from_hex(header) + from_hex("02004000") + std::string(size - 4, 'x'));
  };
  CHECK(in_the_clear("1603034000", 16'384));
  CHECK_FALSE(in_the_clear("1603034001", 16'385));
}

TEST_CASE("tls: a handshake message that claims more than the limit is refused at its header") {
  auto serves = both_sides().first;
  auto check_refused = [&](std::size_t size, std::uint8_t kind, const std::string& max) {
    auto server = accept(serves);
    CHECK_FALSE(server.take(message_of(size, kind)));
    CHECK(server.trouble()
          == "a message of the peer's TLS handshake, such as its certificates, has "
               + std::to_string(size) + " bytes, and at most " + max + " are accepted");
  };
  for (std::size_t size : {3073u, 16384u, 131396u, 0xffffffu})
    check_refused(size, client_hello, "3072");
  for (std::size_t size : {24577u, 0xffffffu}) check_refused(size, certificate, "24576");
  auto server = accept(serves);
  CHECK(server.take(message_of(3072)));
}

TEST_CASE("tls: an endless handshake is refused at its limit, which is the set limit for a client "
          "and 64 KiB for a server") {
  // The bytes that are accepted of messages of 3 KiB, with one byte in each record.
  auto cut_off = [](side one, std::uint8_t kind) {
    std::size_t taken = 0;
    for (auto byte :
         std::string{static_cast<char>(kind)} + from_hex("000c00") + std::string(1 << 20, 'x')) {
      if (!one.take(from_hex("1603010001") + byte)) break;
      taken += 6;
    }
    return taken;
  };
  constexpr std::uint8_t server_hello = 2;
  auto serves = both_sides().first;
  auto cut_to_records = [](std::size_t bytes) { return bytes / 6 * 6; };
  CHECK(cut_off({serves.accept(8 << 10)}, client_hello) == cut_to_records(8 << 10));
  CHECK(cut_off({serves.accept(10'000)}, client_hello) == cut_to_records(10'000));
  CHECK(cut_off(connect(both_sides().second), server_hello) <= 64 << 10);
}

TEST_CASE("tls: the error of a handshake over the limit names the limit") {
  auto client = connect(both_sides().second);
  auto hello = client.bytes(); // with the headers of a record and of a message
  auto check_refused = [&](std::size_t max, const std::string& why) {
    side server{both_sides().first.accept(max)};
    CHECK_FALSE(server.take(hello));
    CHECK(server.trouble() == why);
    CHECK(server.verdict.error().exceeded == patio::limit::tls_handshake_bytes);
    CHECK(server.verdict.error().code == errc::login_refused);
  };
  auto max = hello.size() - 1;
  check_refused(max, "the peer's TLS handshake, with its certificates, has more than "
                       + std::to_string(max) + " bytes");
  check_refused(100, "a message of the peer's TLS handshake, such as its certificates, has "
                       + std::to_string(hello.size() - 9) + " bytes, and at most 100 are accepted");
}

TEST_CASE("tls: a ClientHello with lists that would take forty times their size is refused") {
  auto trouble = [](auto prepare) {
    raw_peer client{raw_peer::role::client, prepare};
    auto server = accept(both_sides().first);
    server.take(client.take(""));
    return server.trouble();
  };
  CHECK(trouble([](SSL_CTX* c) { add_empty_names(c, 23); }) == "");
  CHECK(trouble([](SSL_CTX* c) { add_empty_names(c, 24); })
        == "the extension certificate_authorities of the peer's ClientHello has 98 bytes, and at "
           "most 96 are accepted");
  raw_peer client{raw_peer::role::client};
  auto* responders = sk_OCSP_RESPID_new_null();
  for (int i = 0; i < 2; ++i) {
    auto* responder = OCSP_RESPID_new();
    REQUIRE(OCSP_RESPID_set_by_name(responder, x509_of(identities().authority).get()) == 1);
    sk_OCSP_RESPID_push(responders, responder);
  }
  SSL_set_tlsext_status_type(client.ssl(), TLSEXT_STATUSTYPE_ocsp);
  SSL_set_tlsext_status_ids(client.ssl(), responders);
  auto server = accept(both_sides().first);
  CHECK_FALSE(server.take(client.take("")));
  CHECK(
    server.trouble().starts_with("the extension status_request of the peer's ClientHello has "));
}

TEST_CASE(
  "tls: data is sent in full records, and reading a record in pieces leaves no memory in use") {
  auto p = open_pair();
  p.client.send(std::string(16'384, 'x'));
  auto record = p.client.bytes();
  CHECK(record.size() < 16'384 + 100); // a single record
  auto before = allocated();
  std::size_t peak = 0;
  for (std::string_view rest = record; !rest.empty();
       rest.remove_prefix(std::min<std::size_t>(511, rest.size()))) {
    p.server.take(rest.substr(0, 511));
    peak = std::max(peak, allocated() - before);
  }
  CHECK(p.server.plain.size() == 16'384);
  CHECK(peak < 40'000); // the record and its plain bytes
  p.server.plain = {};
  p.server.plain.shrink_to_fit();
  CHECK(allocated() <= before + 64);
}

TEST_CASE("tls: a client's chain has at most 8 certificates") {
  for (int more : {7, 8}) {
    raw_peer client{raw_peer::role::client, [&](SSL_CTX* c) {
                      with_identity(identities().client)(c);
                      lengthen_chain(c, more);
                    }};
    auto server = accept(both_sides().first);
    run(client, server);
    CHECK(server.engine->is_open() == (more == 7));
    if (more == 8)
      CHECK(server.trouble().starts_with("certificate verify failed: certificate chain too long"));
  }
}

// A connection without TLS costs 10.2 KiB, so the sum is below 76 KiB. The cost of a certificate
// grows with the number of its names.
namespace {

/// Returns the largest allowed cost of a stalled handshake with a stranger.
std::size_t stranger_bytes() {
  return (__sanitizer_get_current_allocated_bytes ? 68 : 64) * std::size_t{1024};
}

/// Returns the cost of a client of this version, with a full ClientHello and this number of
/// certificates behind its own.
std::size_t cost_of_client(const tls::context& serves, int version, const identity& client,
                           int more_certificates) {
  auto prepare = [&](SSL_CTX* c) {
    with_identity(client)(c);
    lengthen_chain(c, more_certificates);
    fill_hello(c);
    SSL_CTX_set_max_proto_version(c, version);
  };
  return least([&] {
    return peak_of_handshake(
      raw_peer::role::client, [&] { return accept(serves); }, prepare, 16);
  });
}

} // namespace

TEST_CASE("tls: a stranger that stalls at any byte of its ClientHello costs at most 64 KiB") {
  const auto sides = both_sides();
  { auto warm_up = pair{sides.first, sides.second}; }
  auto first = hello();
  auto costs = [&](std::string_view bytes) {
    auto before = allocated();
    auto stalled = accept(sides.first);
    return stalled.take(bytes) ? allocated() - before : 0;
  };
  std::size_t most = 0;
  for (std::size_t n = 0; n <= first.size(); ++n)
    most = std::max(most, costs(std::string_view{first}.substr(0, n)));
  for (const auto& lie : {message_of(3072), message_of(3072) + std::string(3000, 'x'),
                          from_hex("1603014140"), from_hex("1603010001011803034000")}) {
    auto cost = costs(lie);
    CHECK(cost > 0);
    most = std::max(most, cost);
  }
  CHECK(most <= stranger_bytes());
  auto before = allocated();
  auto idle = pair{sides.first, sides.second};
  MESSAGE("a stranger that stalls in its ClientHello: at most "
          << most << " bytes; two idle open sides: " << allocated() - before << " bytes");
}

TEST_CASE("tls: a stranger that stalls at any byte of the handshake costs at most 64 KiB, a known "
          "client 15 times its certificates more") {
  const auto stranger = identities().stranger.issue({.common_name = "nobody"});
  const auto sides = both_sides();
  { auto warm_up = pair{sides.first, sides.second}; }
  std::size_t most = 0;
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    for (int chain : {0, 5, 17, 50, 55, 58, 60}) {
      auto cost = cost_of_client(sides.first, version, stranger, chain);
      INFO(cost << " bytes for a stranger with " << chain << " more certificates");
      CHECK(cost <= stranger_bytes());
      most = std::max(most, cost);
    }
    for (int chain : {0, 1, 7}) {
      auto cost = cost_of_client(sides.first, version, identities().client, chain);
      auto pem_bytes =
        (static_cast<std::size_t>(chain) + 1) * identities().authority.certificate().size();
      auto shown = pem_bytes * 3 / 4;
      INFO(cost << " bytes for a known client with " << chain << " more certificates of " << shown
                << " bytes");
      CHECK(cost <= stranger_bytes() + 15 * shown);
    }
  }
  MESSAGE("a stranger that stalls in the handshake: at most " << most << " bytes");
}

TEST_CASE(
  "tls: a server that stalls at any byte of the handshake costs its client at most 64 KiB") {
  const auto sides = both_sides();
  { auto warm_up = pair{sides.first, sides.second}; }
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto prepare = [&](SSL_CTX* c) {
      with_identity(identities().server)(c);
      SSL_CTX_set_max_proto_version(c, version);
    };
    auto cost = least([&] {
      return peak_of_handshake(
        raw_peer::role::server, [&] { return connect(sides.second); }, prepare);
    });
    CHECK(cost <= stranger_bytes());
  }
}

TEST_CASE("tls: two thousand handshakes leave nothing behind") {
  auto [serves, dials] = both_sides();
  auto shake = [&serves = serves, &dials = dials](int times) {
    for (int i = 0; i < times; ++i) {
      pair p{serves, dials};
      REQUIRE(p.open());
      p.client.send("x");
      if (i % 2) p.client.engine->close();
      run(p.client, p.server);
    }
  };
  shake(50);
  auto before = allocated();
  shake(2000);
  CHECK(allocated() <= before + (64 << 10));
}
