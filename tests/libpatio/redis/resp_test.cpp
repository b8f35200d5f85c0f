#include <patio/redis/resp.hpp>

#include <doctest/doctest.h>

#include <random>

#include "seed.hpp"

using patio::redis::append_command;
using patio::redis::resp;
using patio::redis::resp_limits;
using patio::redis::resp_reader;

namespace {

const std::string every_type =
  "+OK\r\n-ERR no\r\n:-12\r\n$3\r\na\r\n\r\n$0\r\n\r\n$-1\r\n*-1\r\n*0\r\n"
  "*2\r\n*1\r\n:1\r\n$1\r\nx\r\n";

std::vector<resp> read_all(std::string_view bytes, std::size_t piece) {
  resp_reader reader{resp_limits{}};
  std::vector<resp> replies;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    REQUIRE(reader.read(bytes.substr(0, piece), replies));
  return replies;
}

std::string why_not(std::string_view bytes, const resp_limits& limits = {}) {
  resp_reader reader{limits};
  std::vector<resp> replies;
  auto ok = reader.read(bytes, replies);
  if (ok) return "accepted";
  CHECK(ok.error().code == patio::errc::protocol);
  return ok.error().message;
}

} // namespace

TEST_CASE("resp: every type of reply is read, in pieces of any size") {
  auto whole = read_all(every_type, std::string::npos);
  REQUIRE(whole.size() == 9);
  CHECK(whole[0] == resp{resp::type::text, "OK"});
  CHECK(whole[1] == resp{resp::type::error, "ERR no"});
  CHECK(whole[2] == resp{resp::type::integer, {}, -12});
  CHECK(whole[3] == resp{resp::type::bulk, "a\r\n"});
  CHECK(whole[4] == resp{resp::type::bulk});
  CHECK(whole[5] == resp{});
  CHECK(whole[6] == resp{});
  CHECK(whole[7] == resp{resp::type::array});
  CHECK(whole[8].items.at(0).items.at(0).number == 1);
  CHECK(whole[8].items.at(1).text == "x");
  for (std::size_t piece = 1; piece < every_type.size(); ++piece)
    CHECK(read_all(every_type, piece) == whole);
}

TEST_CASE("resp: bytes that are not RESP2 are refused") {
  CHECK(why_not("HTTP/1.1 400\r\n").find("begins with byte 72") != std::string::npos);
  for (auto bytes : {"\r\n", "+\n", "+OK\n", ":\r\n", ":1x\r\n", ":9223372036854775808\r\n",
                     "$-2\r\n", "$x\r\n", "$\r\n", "*-2\r\n", "*x\r\n", "$1\r\nabc", "$1\r\na\n",
                     "%1\r\n", "_\r\n", ">1\r\n", "\x01\r\n"})
    CHECK(why_not(bytes) != "accepted");
}

TEST_CASE("resp: every limit holds before memory is used") {
  resp_limits limits{
    .reply_bytes = 10, .skipped_bytes = 100, .line_bytes = 20, .items = 3, .depth = 2};
  CHECK(why_not("+" + std::string(30, 'x'), limits).find("more than 20 bytes")
        != std::string::npos);
  CHECK(why_not("$101\r\n", limits).find("101 bytes") != std::string::npos);
  CHECK(why_not("*4\r\n", limits).find("more than 3 items") != std::string::npos);
  CHECK(why_not("*1\r\n*1\r\n*1\r\n", limits).find("too deep") != std::string::npos);
  CHECK(why_not("*2\r\n*1\r\n:1\r\n*1\r\n", limits).find("more than 3 items") != std::string::npos);
  CHECK(why_not("*2\r\n+aaaaaa\r\n-bbbbbb\r\n", limits).find("more than 10 bytes")
        != std::string::npos);
  std::string nested = "*4096\r\n";
  for (int i = 0; i < 4096; ++i) nested += "*4096\r\n:1\r\n";
  CHECK(why_not(nested).find("more than 4096 items") != std::string::npos);
  CHECK(why_not("$9223372036854775807\r\n") != "accepted");
  CHECK(why_not("*2147483647\r\n") != "accepted");
}

TEST_CASE("resp: a bulk over the limit is skipped, and the replies after it are read") {
  resp_reader reader{{.reply_bytes = 4, .skipped_bytes = 100}};
  std::vector<resp> replies;
  REQUIRE(reader.read("*2\r\n$3\r\nabc\r\n$2\r\nde\r\n+OK\r\n$4\r\nabcd\r\n", replies));
  REQUIRE(replies.size() == 3);
  CHECK(replies[0].items[0].text == "abc");
  CHECK(replies[0].items[1].text.empty());
  CHECK(replies[0].items[1].skipped_bytes == 2);
  CHECK(replies[2].text == "abcd");
}

TEST_CASE("resp: a command is an array of bulk strings") {
  std::string out;
  append_command(out, {"SET", "a b", std::string_view{"\0\r\n", 3}});
  CHECK(out == std::string{"*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$3\r\n\0\r\n\r\n", 31});
}

TEST_CASE("resp: damaged replies are refused or read, in pieces as in one piece") {
  auto seed = test_seed();
  INFO("seed " << seed);
  std::mt19937_64 random{seed};
  for (int i = 0; i < 20'000; ++i) {
    auto bytes = every_type;
    for (auto n = 1 + random() % 3; n > 0; --n)
      bytes[random() % bytes.size()] = "+-:$*0123456789\r\nx"[random() % 18];
    resp_reader whole{resp_limits{}}, pieces{resp_limits{}};
    std::vector<resp> a, b;
    bool ok = whole.read(bytes, a).has_value(), same = true;
    for (std::string_view rest = bytes; !rest.empty() && same;) {
      auto n = std::min<std::size_t>(rest.size(), 1 + random() % 7);
      same = pieces.read(rest.substr(0, n), b).has_value();
      rest.remove_prefix(n);
    }
    CHECK(ok == same);
    CHECK(a == b);
  }
}
