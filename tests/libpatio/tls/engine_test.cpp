// Two engines joined in memory: a stream in pieces, and its end.
#include <patio/tls/tls.hpp>

#include "hex.hpp"
#include "seed.hpp"
#include "tls/fixture.hpp"

using namespace tls_testing;

TEST_CASE("tls: each side receives what the other side sends") {
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

TEST_CASE("tls: data that arrives in one piece with the end of the handshake is not lost") {
  auto [serves, dials] = both_sides();
  auto server = accept(serves), client = connect(dials);
  server.take(client.bytes());
  client.take(server.bytes());
  REQUIRE(client.engine->is_open());
  client.send("early");
  server.take(client.bytes());
  CHECK(server.plain == "early");
}

TEST_CASE("tls: sending before the end of the handshake throws") {
  auto [serves, dials] = both_sides();
  auto client = connect(dials);
  CHECK_THROWS_AS(client.engine->send("x"), std::logic_error);
}

TEST_CASE("tls: close() sends one close_notify, and the peer sees whether it has arrived") {
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

TEST_CASE("tls: closing before the handshake sends nothing, and a peer that ends it is an error") {
  auto [serves, dials] = both_sides();
  auto client = connect(dials);
  client.bytes();
  client.engine->close();
  CHECK(client.bytes() == "");
  CHECK_FALSE(client.take(from_hex("15030300020100")));
  CHECK(client.trouble() == "the peer ended the TLS handshake");
}

TEST_CASE("tls: a peer that does not speak TLS is refused at its first wrong byte") {
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
  for (std::size_t size : {0u, 1u, 2u, 5u, 6u}) {
    auto server = accept(serves);
    CHECK(server.take(hello().substr(0, size)));
  }
}

TEST_CASE("tls: every call after an error returns the same error") {
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
    CHECK((!fine || fresh.server.plain.empty())); // with a larger length it waits for more
    CHECK(fresh.server.plain == "");
  }
}

TEST_CASE("tls: random bytes end a handshake or wait for more, and never complete it") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  auto [serves, dials] = both_sides();
  auto draw = [&](std::size_t max) {
    return std::uniform_int_distribution<std::size_t>{0, max}(random);
  };
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

TEST_CASE("tls: a handshake with changed bytes ends, waits, or opens with the right names") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  auto [serves, dials] = both_sides();
  for (int i = 0; i < 300; ++i) {
    auto server = accept(serves), client = connect(dials);
    auto spoil = [&](std::string bytes) {
      if (!bytes.empty() && random() % 2)
        bytes[random() % bytes.size()] ^= static_cast<char>(1 << random() % 8);
      return bytes;
    };
    for (int round = 0; round < 4; ++round) {
      if (server.verdict) server.take(spoil(client.bytes()));
      if (client.verdict) client.take(spoil(server.bytes()));
    }
    if (server.engine->is_open())
      CHECK(server.engine->peer_names() == std::vector<std::string>{"client.example", "client"});
  }
}

TEST_CASE("tls: open connections go on when certificates are replaced") {
  auto serves = context(options_of(identities().server)),
       dials = context(trusting(identities().authority.certificate()));
  pair old{serves, dials};
  auto elsewhere = identities().stranger.issue({.common_name = "new", .hosts = {"a.example"}});
  serves = context(options_of(elsewhere));
  dials = context(trusting(identities().stranger.certificate()));
  pair renewed{serves, dials};
  CHECK(renewed.open());
  for (auto* p : {&old, &renewed}) {
    p->client.send("still here");
    run(p->client, p->server);
    CHECK(p->server.plain == "still here");
  }
  pair mixed{serves, context(trusting(identities().authority.certificate()))};
  CHECK_FALSE(mixed.open());
}
