#include <patio/base/digest.hpp>

#include <doctest/doctest.h>

#include <set>
#include <stdexcept>

#include "hex.hpp"
#include "json_rows.hpp"

using patio::blake2s;

namespace {

const std::string challenge =
  from_hex("80059514000000000000004310000102030405060708090a0b0c0d0e0f942e");
const std::string salt = from_hex("01020304");

} // namespace

TEST_CASE("digest: the digests of recorded logins come out, with an empty key too") {
  CHECK(to_hex(blake2s(challenge, "secret", salt))
        == "37816caf501c4c9417010d1e0f4475386d1b7b6550da861be8a7a8bbe7932504");
  CHECK(to_hex(blake2s(challenge, "", salt))
        == "d155dc62bcef84c9a32410c9f01b2194a7c18ef1d998992291800831e02d39de");
}

TEST_CASE("digest: agrees with Python's hashlib for keys and salts of every length") {
  std::set<std::pair<std::size_t, std::size_t>> lengths;
  for (const auto& row : json_rows("digest.jsonl")) {
    auto part = [&](const char* name) { return from_hex(row[name].get<std::string>()); };
    INFO(row.dump());
    lengths.emplace(part("key").size(), part("salt").size());
    CHECK(to_hex(blake2s(part("data"), part("key"), part("salt")))
          == row["digest"].get<std::string>());
  }
  CHECK(lengths.size() == 33 * 9);
}

TEST_CASE("digest: a short salt equals the salt padded with zeros") {
  CHECK(blake2s("x", "k", salt) == blake2s("x", "k", salt + std::string(4, '\0')));
  CHECK(blake2s("x", "k", salt) != blake2s("x", "k", std::string(4, '\0') + salt));
}

TEST_CASE("digest: a key of 33 bytes and a salt of 9 bytes are refused") {
  CHECK_THROWS_WITH_AS((void)blake2s("", std::string(33, 'k'), ""),
                       "a key has at most 32 bytes, not 33", std::invalid_argument);
  CHECK_THROWS_WITH_AS((void)blake2s("", "", std::string(9, 's')), "a salt has at most 8 bytes",
                       std::invalid_argument);
  CHECK_NOTHROW((void)blake2s("", std::string(32, 'k'), std::string(8, 's')));
}

TEST_CASE("digest: null views count as empty texts") {
  CHECK(blake2s({}, {}, {}) == blake2s("", "", ""));
  // BLAKE2s-256("") of RFC 7693
  CHECK(to_hex(blake2s({}, {}, {}))
        == "69217a3079908094e11121d042354a7c1f55b6482ca1a51e1b250dfd1ed0eef9");
}

TEST_CASE("base64: writes no padding and uses the whole alphabet") {
  for (auto [bytes, text] : {std::pair{"", ""},
                             {"f", "Zg"},
                             {"fo", "Zm8"},
                             {"foo", "Zm9v"},
                             {"foob", "Zm9vYg"},
                             {"fooba", "Zm9vYmE"}})
    CHECK(patio::base64(bytes) == text);
  CHECK(patio::base64(from_hex("fbffbf")) == "+/+/");
  CHECK(patio::base64(from_hex("000000")) == "AAAA");
}

TEST_CASE("equal_in_constant_time: tells whether two texts are equal") {
  CHECK(patio::equal_in_constant_time("", {}));
  CHECK(patio::equal_in_constant_time("abc", "abc"));
  CHECK_FALSE(patio::equal_in_constant_time("abc", "abd"));
  CHECK_FALSE(patio::equal_in_constant_time("abc", "ab"));
  CHECK_FALSE(patio::equal_in_constant_time("ab", {"ab\0", 3}));
}

TEST_CASE("random_bytes: returns the requested number of bytes, different each time") {
  std::set<std::string> drawn;
  for (int i = 0; i < 1000; ++i) drawn.insert(patio::random_bytes(16));
  CHECK(drawn.size() == 1000);
  CHECK(drawn.begin()->size() == 16);
  CHECK(patio::random_bytes(0).empty());
}
