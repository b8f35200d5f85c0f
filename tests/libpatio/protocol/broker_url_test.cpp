#include <patio/protocol/broker_url.hpp>

#include <doctest/doctest.h>

#include <random>

#include "seed.hpp"

using patio::broker_scheme;
using patio::parse_broker_url;

namespace {

std::string why_not(std::string_view text) {
  auto url = parse_broker_url(text);
  if (url) return "accepted as " + to_string(*url);
  CHECK(url.error().code == patio::errc::invalid);
  auto begin = url.error().message.find("valid: ") + 7;
  return url.error().message.substr(begin, url.error().message.find("; write SCHEME") - begin);
}

} // namespace

TEST_CASE("broker_url: every part is read and percent-decoded") {
  auto url = parse_broker_url("amqps://us%65r:p%40ss%2Fword@[::1]:99/v%2Fhost?a=1&b=x+y%26");
  REQUIRE(url);
  CHECK(url->scheme == broker_scheme::amqps);
  CHECK(url->user == "user");
  CHECK(url->password.view() == "p@ss/word");
  CHECK(url->where == patio::endpoint{"::1", 99});
  CHECK(url->path == "v/host");
  REQUIRE(url->query.size() == 2);
  CHECK(url->query[1] == std::pair<std::string, std::string>{"b", "x y&"});
  CHECK(to_string(*url) == "amqps://user@[::1]:99/v/host");
}

TEST_CASE("broker_url: the port, user, password and path may be missing") {
  CHECK(parse_broker_url("amqp://h")->where.port == 5672);
  CHECK(parse_broker_url("amqps://h/")->where.port == 5671);
  CHECK(parse_broker_url("redis://h?x=1")->where.port == 6379);
  CHECK(parse_broker_url("rediss://h")->where.port == 6379);
  CHECK(parse_broker_url("redis://h/")->path.empty());
  auto without_user = parse_broker_url("redis://:secret@h/3");
  REQUIRE(without_user);
  CHECK(without_user->user.empty());
  CHECK(without_user->password.view() == "secret");
  CHECK(without_user->path == "3");
  CHECK(uses_tls(broker_scheme::rediss));
  CHECK_FALSE(uses_tls(broker_scheme::amqp));
}

TEST_CASE("broker_url: an error names the part that is wrong") {
  CHECK(why_not("http://h") == "its scheme is not amqp, amqps, redis or rediss");
  CHECK(why_not("127.0.0.1:6379") == "its scheme is not amqp, amqps, redis or rediss");
  CHECK(why_not("redis://") == "the host is missing");
  CHECK(why_not("redis://h:0") == "the port is not a number from 1 to 65535");
  CHECK(why_not("redis://h:x") == "the port is not a number from 0 to 65535");
  CHECK(why_not("redis://u:%2@h").starts_with("the password has a % without"));
  CHECK(why_not("redis://%zz@h").starts_with("the user has a % without"));
  CHECK(why_not("redis://h/%").starts_with("the path has a % without"));
  CHECK(why_not("redis://h?a") == "a parameter after the ? is not NAME=VALUE");
  CHECK(why_not("redis://h?a=1&a=2") == "a parameter after the ? is given twice");
  CHECK(why_not("redis://h#x").starts_with("it has a #"));
  CHECK(why_not("redis://u:%00@h") == "the user and the password cannot have a zero byte");
}

TEST_CASE("broker_url: no message and no printed text holds a part of a password") {
  for (auto text :
       {"redis://u:HUSH@h:x", "redis://u:HUSH/x@h", "redis://u:HUSH?x@h", "redis://u:HUSH#x@h",
        "http://u:HUSH@h", "u:HUSH@h", "redis://u:HUSH%@h", "redis://u:HUSH@[h", "redis://u:HUSH@",
        "redis://u:1HUSH", "redis://HUSH:HUSH", "redis://:HUSH@h/0?password=HUSH", "HUSH"}) {
    auto url = parse_broker_url(text);
    if (url) CHECK(to_string(*url).find("HUSH") == std::string::npos);
    else CHECK(url.error().message.find("HUSH") == std::string::npos);
  }
}

TEST_CASE("broker_url: a text with a password is recognized") {
  for (auto text : {"redis://u:p@h", "redis://:p@h", "u:p@h", "redis://u:a/b@h", "http://u:p@h",
                    "redis://h?password=p"})
    CHECK(patio::has_password(text));
  for (auto text : {"redis://h:6379/0", "redis://u@h:1", "redis://[::1]:1", "h:1", ""})
    CHECK_FALSE(patio::has_password(text));
}

TEST_CASE("broker_url: random texts are refused or printed as an equal URL") {
  auto seed = test_seed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  std::string_view letters = "ab1:/@?#%&=+.[]-2F";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = "redis://";
    for (auto n = random() % 16; n > 0; --n) text += letters[random() % letters.size()];
    auto url = parse_broker_url(text);
    if (!url || url->path.find_first_of("?#%@") != std::string::npos
        || url->user.find_first_of("/?#%:@") != std::string::npos)
      continue;
    auto again = parse_broker_url(to_string(*url));
    REQUIRE_MESSAGE(again, text);
    CHECK(again->where == url->where);
    CHECK(again->path == url->path);
    CHECK(again->user == url->user);
  }
}
