#include <patio/protocol/endpoint.hpp>

#include <doctest/doctest.h>

#include <arpa/inet.h>

#include <random>

#include "seed.hpp"

using patio::endpoint;
using patio::parse_endpoint;

namespace {

std::string why_not(std::string_view text) {
  auto e = parse_endpoint(text);
  if (e) return "accepted as " + to_string(*e);
  CHECK(e.error().code == patio::errc::invalid);
  auto begin = e.error().message.find("endpoint: ") + 10;
  return e.error().message.substr(begin, e.error().message.find("; write") - begin);
}

} // namespace

TEST_CASE("endpoint: a host is read with and without a port") {
  CHECK(parse_endpoint("localhost") == endpoint{"localhost", 15383});
  CHECK(parse_endpoint("localhost:80") == endpoint{"localhost", 80});
  CHECK(parse_endpoint("10.0.0.7:0") == endpoint{"10.0.0.7", 0});
  CHECK(parse_endpoint("a.example:65535") == endpoint{"a.example", 65535});
}

TEST_CASE("endpoint: an IPv6 address is read with and without brackets") {
  CHECK(parse_endpoint("[::1]:80") == endpoint{"::1", 80});
  CHECK(parse_endpoint("[::1]") == endpoint{"::1", 15383});
  CHECK(parse_endpoint("::1") == endpoint{"::1", 15383});
  CHECK(parse_endpoint("::") == endpoint{"::", 15383});
  CHECK(parse_endpoint("fe80::1%eth0") == endpoint{"fe80::1%eth0", 15383});
  CHECK(parse_endpoint("::ffff:10.0.0.1") == endpoint{"::ffff:10.0.0.1", 15383});
  CHECK(parse_endpoint("1:2:3:4:5:6:7:8") == endpoint{"1:2:3:4:5:6:7:8", 15383});
  CHECK(parse_endpoint("1:2:3:4:5:6:1.2.3.4") == endpoint{"1:2:3:4:5:6:1.2.3.4", 15383});
}

TEST_CASE("endpoint: an invalid port is reported") {
  for (auto text : {"h:65536", "h:-1", "h:+1", "h:1x", "h:1 ", "h:0x10", "[::1]:99999999999"})
    CHECK(why_not(text) == "the port is not a number from 0 to 65535");
  CHECK(why_not("h:") == "the port is missing");
  CHECK(why_not("[::1]:") == "the port is missing");
}

TEST_CASE("endpoint: an invalid host is reported") {
  for (auto text : {"", ":80", "[]:80", "[]"}) CHECK(why_not(text) == "the host is missing");
  CHECK(why_not("[::1") == "the ] is missing");
  CHECK(why_not("[::1]80") == "only :PORT may follow the ]");
  using namespace std::string_view_literals;
  for (auto text : {"a b"sv, "a\tb:80"sv, "user@host"sv, "host/path"sv, "a\0b"sv, "a\x7f"sv,
                    "a\x1b:80"sv, "::1]"sv, "x[::1]:80"sv})
    CHECK(why_not(text) == "the host has a character that a host name cannot have");
}

TEST_CASE("endpoint: a host with two ports is not an IPv6 address") {
  for (auto text :
       {"127.0.0.1:80:90", "localhost:80:90", "a:b:c:g", "host::80", "1:2:3", "1:2:3:4:5:6:7:8:9"})
    CHECK(why_not(text) == "it has several colons but is not an IPv6 address");
}

TEST_CASE("endpoint: a bare number is not a host") {
  for (auto text : {"15383", "0", "4294967295", "0x7f000001", "15383:15383", "017700000001:80"})
    CHECK(why_not(text) == "a number alone is not a host, and a port follows a host and a colon");
}

TEST_CASE("endpoint: the old forms of IPv4 addresses are reported") {
  for (auto text : {"127.1", "127.0.1:80", "0x7f.1", "0X7F.0.0.1:80", "127.0.0.010", "0177.0.0.1",
                    "127.0.0.1.", "1.2.3.4.5", "256.1.1.1", "1.2.3.", "1..3.4", ".1", "localhost.1",
                    "1.2.3.0x4", "99999999999.1.1.1", "00.0.0.0"})
    CHECK(why_not(text)
          == "an IPv4 address has four decimal numbers from 0 to 255, without leading zeros");
  for (auto text : {"0.0.0.0", "255.255.255.255", "1.example", "1a", "0x.example", "127.0.0.1a",
                    "0xfg", "localhost.", "10.0.0.1.example.org."})
    CHECK(parse_endpoint(text) == endpoint{text, 15383});
}

TEST_CASE("endpoint: white space around an address and brackets around a name are reported") {
  for (auto text :
       {" 127.0.0.1:80", "127.0.0.1 :80", "\t127.0.0.1", "127.0.0.1\r", "127.0.0.1\n", "\n:80"})
    CHECK(why_not(text) == "the host has a character that a host name cannot have");
  for (auto text : {"127.0.0.1:80 ", "127.0.0.1: 80", "127.0.0.1:80\r", "h:99999999999999999999"})
    CHECK(why_not(text) == "the port is not a number from 0 to 65535");
  for (auto text : {"[localhost]:80", "[127.0.0.1]", "[15383]"})
    CHECK(why_not(text) == "only an IPv6 address may stand in brackets");
}

TEST_CASE("endpoint: whatever is typed is refused with a reason, or prints as it is read") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  constexpr std::string_view alphabet = "0123456789.:[]xfaF%-/@ \t\r\xc3\xa9";
  for (int i = 0; i < 100'000; ++i) {
    std::string text;
    for (auto n = random() % 16; n > 0; --n) text += alphabet[random() % alphabet.size()];
    INFO(text);
    auto e = parse_endpoint(text);
    if (!e) {
      REQUIRE(e.error().message.starts_with("'" + text + "' is not an endpoint: "));
      continue;
    }
    REQUIRE(parse_endpoint(to_string(*e)) == *e);
    in_addr legacy{}, strict{};
    // Whatever the resolver takes for an IPv4 address has the one form that has one meaning.
    if (::inet_aton(e->host.c_str(), &legacy) != 0)
      REQUIRE(::inet_pton(AF_INET, e->host.c_str(), &strict) == 1);
  }
}

TEST_CASE("endpoint: the error quotes the text and says what would be right") {
  CHECK(parse_endpoint("h:x").error().message
        == "'h:x' is not an endpoint: the port is not a number from 0 to 65535; write HOST:PORT or "
           "[IPV6]:PORT, for example 127.0.0.1:15383");
}

TEST_CASE("endpoint: a printed endpoint reads back as the same endpoint") {
  for (auto text : {"localhost:80", "[::1]:80", "10.0.0.7:15383", "[fe80::1%eth0]:1"})
    CHECK(to_string(*parse_endpoint(text)) == text);
  CHECK(to_string(*parse_endpoint("::1")) == "[::1]:15383");
}

TEST_CASE("endpoint: a network is an IPv4 address or the upper half of an IPv6 address") {
  using patio::network_of;
  CHECK(network_of("1.2.3.4:80") == "1.2.3.4");
  CHECK(network_of("1.2.3.4:80") != network_of("1.2.3.5:80"));
  CHECK(network_of("[2001:db8::1]:80") == network_of("[2001:db8:0:0:ffff::2]:90"));
  CHECK(network_of("[2001:db8::1]:80") != network_of("[2001:db8:0:1::1]:80"));
  CHECK(network_of("[fe80::1%eth0]:80") == network_of("[fe80::2%eth1]:80"));
  CHECK(network_of("name:80") == "name");
  CHECK(network_of("") == "");
}
