// Two engines joined in memory: the cuts of a stream, its end, and what memory it costs.
#include <patio/tls.hpp>

#include <malloc.h>

#include "hex.hpp"
#include "seed.hpp"
#include "tls_fixture.hpp"
#include "tls_raw.hpp"

using namespace tls_testing;

namespace {

/// In use, of all that malloc has given.
std::size_t allocated() {
  auto in_use = ::mallinfo2();
  return in_use.uordblks + in_use.hblkhd;
}

/// The sanitizers have their own malloc, which mallinfo2 knows nothing of.
bool can_measure() { return std::make_unique<char[]>(1 << 20) && allocated() > 0; }

const auto both_sides = [] {
  auto authority = the().authority.certificate();
  return std::pair{context(options_of(the().server, authority)), context(options_of(the().client, authority))};
};

std::string hello() {
  auto client = connect(context(believing(the().authority.certificate())));
  return client.bytes();
}

/// What our side holds at most, with all that it has said, while all that a raw peer says in a handshake comes one byte at a time: what it
/// holds of a peer that stalls there, in whichever flight.
template <class Make>
std::size_t most_held(raw_peer::role raw_side, int version, Make make) {
  raw_peer raw{raw_side, [&](SSL_CTX* c) {
                 with_identity(raw_side == raw_peer::role::client ? the().client : the().server)(c);
                 SSL_CTX_set_max_proto_version(c, version);
               }};
  std::size_t held = 0, most = 0;
  auto counted = [&](auto act) {
    auto before = allocated();
    act();
    held += allocated() - before;
    most = std::max(most, held);
  };
  std::unique_ptr<side> ours;
  counted([&] { ours = std::make_unique<side>(make()); });
  for (std::size_t heard = 0; !ours->engine->is_open();) {
    auto answer = ours->engine->output().substr(heard);
    heard += answer.size();
    auto flight = raw.take(answer);
    REQUIRE_FALSE(flight.empty());
    for (auto& byte : flight) counted([&] { REQUIRE(ours->take({&byte, 1})); });
  }
  return most;
}

/// A record that claims to go on, with a handshake message that claims `size`.
std::string message_of(std::size_t size) {
  std::string m = from_hex("160301400001");
  for (int shift = 16; shift >= 0; shift -= 8) m += static_cast<char>(size >> shift);
  return m;
}

} // namespace

TEST_CASE("tls: what one side sends the other receives") {
  auto p = open_pair();
  p.client.send("hello");
  p.server.send(std::string(100'000, 'x'));
  run(p.client, p.server);
  CHECK(p.server.plain == "hello");
  CHECK(p.client.plain == std::string(100'000, 'x'));
}

TEST_CASE("tls: the pieces in which bytes arrive make no difference") {
  auto [serves, dials] = both_sides();
  for (std::size_t cut : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 100u, 1500u}) {
    auto server = accept(serves), client = connect(dials);
    run(client, server, cut);
    REQUIRE(server.engine->is_open());
    REQUIRE(client.engine->is_open());
    client.send(std::string(40'000, 'x'));
    server.send("y");
    run(client, server, cut);
    CHECK(server.plain == std::string(40'000, 'x'));
    CHECK(client.plain == "y");
  }
}

TEST_CASE("tls: what follows the handshake in one piece is not lost") {
  auto [serves, dials] = both_sides();
  auto server = accept(serves), client = connect(dials);
  server.take(client.bytes());
  client.take(server.bytes());
  REQUIRE(client.engine->is_open());
  client.send("early");
  server.take(client.bytes());
  CHECK(server.plain == "early");
}

TEST_CASE("tls: sending waits for the handshake") {
  auto [serves, dials] = both_sides();
  auto client = connect(dials);
  CHECK_THROWS_AS(client.engine->send("x"), std::logic_error);
}

TEST_CASE("tls: a close is told once, and a connection without one can be told from it") {
  auto p = open_pair();
  p.client.send("last words");
  p.client.engine->close();
  p.client.engine->close();
  p.client.send("lost");
  auto bytes = p.client.bytes();
  CHECK(p.server.take(bytes.substr(0, bytes.size() - 1)));
  CHECK_FALSE(p.server.engine->peer_closed());
  CHECK(p.server.take(bytes.substr(bytes.size() - 1)));
  CHECK(p.server.engine->peer_closed());
  CHECK(p.server.plain == "last words");
  CHECK(p.server.take("whatever follows"));
  p.server.send("the other way is still open");
  p.server.engine->close();
  run(p.client, p.server);
  CHECK(p.client.plain == "the other way is still open");
  CHECK(p.client.engine->peer_closed());
}

TEST_CASE("tls: closing before the handshake says nothing, and a peer that ends it is an error") {
  auto [serves, dials] = both_sides();
  auto client = connect(dials);
  client.bytes();
  client.engine->close();
  CHECK(client.bytes() == "");
  CHECK_FALSE(client.take(from_hex("15030300020100")));
  CHECK(client.trouble() == "the peer ended the TLS handshake");
}

TEST_CASE("tls: whoever does not speak TLS is told so at the first byte") {
  auto [serves, dials] = both_sides();
  for (auto hex : {"000000001f00000001", "474554202f", "80", "1604", "17030300", "ff", "0a"}) {
    auto server = accept(serves), client = connect(dials);
    client.bytes();
    for (auto* one : {&server, &client}) {
      CHECK_FALSE(one->take(from_hex(hex)));
      CHECK(one->trouble().starts_with("the peer does not speak TLS: it sent "));
      CHECK(one->verdict.error().code == errc::login_refused);
      CHECK_FALSE(one->engine->is_open());
    }
  }
  CHECK_FALSE(patio::looks_like_tls(from_hex("000000001f")));
  CHECK_FALSE(patio::looks_like_tls(""));
  CHECK(patio::looks_like_tls(hello()));
}

TEST_CASE("tls: after an error it stays the same one") {
  auto server = accept(both_sides().first);
  CHECK_FALSE(server.take("GET"));
  auto first = server.trouble();
  CHECK_FALSE(server.take(hello()));
  CHECK(server.trouble() == first);
}

TEST_CASE("tls: a byte changed anywhere on the way ends the connection") {
  auto [serves, dials] = both_sides();
  auto p = open_pair();
  p.client.send("hello");
  auto bytes = p.client.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto fresh = open_pair();
    fresh.client.send("hello");
    auto changed = fresh.client.bytes();
    changed[i] = static_cast<char>(changed[i] ^ 1);
    bool fine = fresh.server.take(changed);
    CHECK((!fine || fresh.server.plain.empty())); // a longer length waits for more
    CHECK(fresh.server.plain == "");
  }
}

TEST_CASE("tls: a record of more than a TLS record holds is refused at its header") {
  auto p = open_pair();
  CHECK_FALSE(p.server.take(from_hex("1703034101"))); // 16 KiB and 257: 256 are for the encryption
  CHECK(p.server.trouble().find("too long") != std::string::npos);
  auto fresh = accept(both_sides().first);
  CHECK_FALSE(fresh.take(from_hex("1603014141")));
  auto in_the_clear = [](const char* header, std::size_t size) { // a message of 16 KiB, of which four bytes are missing
    auto server = accept(both_sides().first);
    return server.take(from_hex(header) + from_hex("01004000") + std::string(size - 4, 'x'));
  };
  CHECK(in_the_clear("1603014000", 16'384));
  CHECK_FALSE(in_the_clear("1603014001", 16'385));
}

TEST_CASE("tls: a handshake message that claims more than can be taken is refused at its header") {
  auto serves = both_sides().first;
  for (std::size_t size : {16385u, 65536u, 131396u, 0xffffffu}) {
    auto server = accept(serves);
    CHECK_FALSE(server.take(message_of(size)));
    CHECK(server.trouble() == "a message of the TLS handshake has " + std::to_string(size) + " bytes, more than the 16384 that are taken");
  }
  auto server = accept(serves);
  CHECK(server.take(message_of(16384)));
}

TEST_CASE("tls: a handshake without end is cut off at 64 KiB") {
  auto server = accept(both_sides().first);
  std::size_t taken = 0; // one byte of a message in each record, then of the next...
  std::string record = from_hex("160301000100");
  while (server.take(record) && taken < (1 << 20)) taken += record.size();
  CHECK(taken <= 64 << 10);
}

TEST_CASE("tls: a peer that stalls at any byte of the handshake costs at most 64 KiB") {
  if (!can_measure()) return;
  const auto sides = both_sides();
  { auto warm_up = pair{sides.first, sides.second}; }
  auto first = hello();
  auto costs = [&](std::string_view bytes) {
    auto before = allocated();
    auto stalled = accept(sides.first);
    stalled.take(bytes);
    return allocated() - before;
  };
  std::size_t most = 0;
  for (std::size_t n = 0; n <= first.size(); ++n) most = std::max(most, costs(std::string_view{first}.substr(0, n)));
  for (const auto& lie : {message_of(16384), message_of(16384) + std::string(16000, 'x'), message_of(131396), from_hex("1603014140")})
    most = std::max(most, costs(lie));
  for (auto version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto of_client = [&] { return most_held(raw_peer::role::client, version, [&] { return accept(sides.first); }); };
    auto of_server = [&] { return most_held(raw_peer::role::server, version, [&] { return connect(sides.second); }); };
    // The first of a process pays for what OpenSSL keeps for all of them, and what malloc keeps back differs from time to time.
    most = std::max({most, std::min({of_client(), of_client(), of_client()}), std::min({of_server(), of_server(), of_server()})});
  }
  INFO(most);
  CHECK(most <= 64 << 10);
  auto p = pair{sides.first, sides.second};
  auto before = allocated();
  auto idle = pair{sides.first, sides.second};
  MESSAGE("stalled handshake: at most " << most << " bytes; two idle open sides: " << allocated() - before << " bytes");
}

TEST_CASE("tls: any bytes end a handshake or wait for more, and never open it") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  auto [serves, dials] = both_sides();
  auto draw = [&](std::size_t most) { return std::uniform_int_distribution<std::size_t>{0, most}(random); };
  for (std::size_t fed = 0; fed < 1'000'000;) {
    auto server = accept(serves), client = connect(dials);
    client.bytes();
    std::string noise(512, '\0');
    for (auto& byte : noise) byte = static_cast<char>(draw(255));
    if (draw(3) != 0) noise.replace(0, 3, from_hex("160301"));
    for (auto* one : {&server, &client}) {
      one->take(noise);
      CHECK_FALSE(one->engine->is_open());
    }
    fed += noise.size();
  }
}

TEST_CASE("tls: handshakes with changed bytes end, wait, or were not changed where it matters") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  auto [serves, dials] = both_sides();
  for (int i = 0; i < 300; ++i) {
    auto server = accept(serves), client = connect(dials);
    auto spoil = [&](std::string bytes) {
      if (!bytes.empty() && random() % 2) bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
      return bytes;
    };
    for (int round = 0; round < 4; ++round) {
      if (server.verdict) server.take(spoil(client.bytes()));
      if (client.verdict) client.take(spoil(server.bytes()));
    }
    if (server.engine->is_open()) CHECK(server.engine->peer_names() == std::vector<std::string>{"client.example", "client"});
  }
}

TEST_CASE("tls: old connections live on when certificates are replaced") {
  auto serves = context(options_of(the().server)), dials = context(believing(the().authority.certificate()));
  pair old{serves, dials};
  auto elsewhere = the().stranger.issue({.common_name = "new", .hosts = {"a.example"}});
  serves = context(options_of(elsewhere));
  dials = context(believing(the().stranger.certificate()));
  pair renewed{serves, dials};
  CHECK(renewed.open());
  for (auto* p : {&old, &renewed}) {
    p->client.send("still here");
    run(p->client, p->server);
    CHECK(p->server.plain == "still here");
  }
  pair mixed{serves, context(believing(the().authority.certificate()))};
  CHECK_FALSE(mixed.open());
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
  if (can_measure()) CHECK(allocated() <= before + (64 << 10));
}
