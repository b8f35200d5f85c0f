#include <patio/protocol/login.hpp>

#include <doctest/doctest.h>

#include <patio/base/digest.hpp>
#include <patio/pickle/pickle.hpp>

#include "hex.hpp"

using patio::blake2s;
using patio::value;
using patio::protocol::check_login;

namespace {

const std::string token = from_hex("000102030405060708090a0b0c0d0e0f");
const std::string salt = from_hex("01020304");
const std::string challenge_hex = "80059514000000000000004310000102030405060708090a0b0c0d0e0f942e";
const std::string challenge = from_hex(challenge_hex);
const std::string digest_hex = "37816caf501c4c9417010d1e0f4475386d1b7b6550da861be8a7a8bbe7932504";
const std::string golden_hex =
  "8005954f00000000000000430401020304944320" + digest_hex + "94431f" + challenge_hex + "9487942e";

std::string pickled(const value& v) {
  std::string out;
  REQUIRE(patio::write_pickle(v, out));
  return out;
}

/// A well-formed login payload of three byte strings, whose contents may be wrong.
std::string login(const std::string& with_salt, const std::string& digest,
                  const std::string& about) {
  return pickled(
    value::tuple({value::bytes(with_salt), value::bytes(digest), value::bytes(about)}));
}

/// Returns "" if the server accepts the answer, else the server's reason.
std::string verdict(std::string_view answer, std::string_view key = "secret") {
  auto r = check_login(answer, challenge, key);
  if (!r) CHECK(r.error().code == patio::errc::login_refused);
  return r ? "" : r.error().message;
}

const std::string not_three = "the login is not a tuple of three byte strings";
const std::string other_challenge = "the login does not answer the challenge that was sent";

} // namespace

TEST_CASE("login: the challenge and the answer have the recorded bytes") {
  CHECK(to_hex(patio::protocol::login_challenge(token)) == challenge_hex);
  CHECK(to_hex(patio::protocol::login_answer(challenge, "secret", salt)) == golden_hex);
  CHECK(patio::protocol::login_answer(challenge, "secret", salt).size() == 90);
}

TEST_CASE("login: the answer is accepted with the right key and refused with another key") {
  auto golden = from_hex(golden_hex);
  CHECK(verdict(golden) == "");
  CHECK(verdict(golden, "Secret") == "wrong key");
  CHECK(verdict(golden, "") == "wrong key");
  CHECK(verdict(patio::protocol::login_answer(challenge, "", salt), "") == "");
  CHECK(verdict(patio::protocol::login_answer(challenge, std::string(32, 'k'), salt),
                std::string(32, 'k'))
        == "");
}

TEST_CASE("login: a recorded answer to another challenge is refused (A1)") {
  auto earlier = patio::protocol::login_challenge(from_hex("ff0102030405060708090a0b0c0d0e0f"));
  CHECK(verdict(patio::protocol::login_answer(earlier, "secret", salt)) == other_challenge);
}

TEST_CASE("login: a valid digest of a token that the client chose itself is refused (A2)") {
  CHECK(verdict(login(salt, blake2s("mine", "secret", salt), "mine")) == other_challenge);
  CHECK(verdict(login(salt, blake2s("", "secret", salt), "")) == other_challenge);
}

TEST_CASE("login: a digest of the bare token instead of the challenge's bytes is refused (A3)") {
  CHECK(verdict(login(salt, blake2s(token, "secret", salt), token)) == other_challenge);
}

TEST_CASE("login: a digest with any single bit flipped is refused (A4)") {
  auto golden = from_hex(golden_hex);
  auto at = golden.find(from_hex(digest_hex));
  for (std::size_t bit = 0; bit < 256; ++bit) {
    auto turned = golden;
    turned[at + bit / 8] = static_cast<char>(turned[at + bit / 8] ^ (1 << (bit % 8)));
    REQUIRE(verdict(turned) == "wrong key");
  }
}

TEST_CASE("login: digests and salts of other lengths are refused (A5)") {
  auto digest = from_hex(digest_hex);
  for (auto wrong : {std::string{}, digest.substr(0, 31), digest + '\0', std::string(1 << 20, 'x')})
    CHECK(verdict(login(salt, wrong, challenge)) == "wrong key");
  for (std::size_t n : {0u, 1u, 8u}) {
    std::string of_n(n, 's');
    CHECK(verdict(login(of_n, blake2s(challenge, "secret", of_n), challenge)) == "");
  }
  CHECK(verdict(login(std::string(9, 's'), digest, challenge))
        == "the login's salt has more than 8 bytes");
}

TEST_CASE("login: anything but a tuple of three byte strings is refused (A6)") {
  auto a = value::bytes(salt), b = value::bytes(from_hex(digest_hex)), c = value::bytes(challenge);
  for (const auto& wrong :
       {value::list({a, b, c}), value::tuple({a, b}), value::tuple({a, b, c, c}),
        value::tuple({value{"abcd"}, b, c}), value::tuple({a, value{"text"}, c}),
        value::tuple({value::tuple({a, b, c})}), value::tuple({}), value{}, c,
        value::dict({{a, b}}), value::tuple({value::bytearray(salt), b, c}),
        value::tuple({value{1}, b, c})})
    CHECK(verdict(pickled(wrong)) == not_three);
}

TEST_CASE("login: a pickle that names code is refused without being decoded (A7)") {
  for (auto gadget :
       {"80048c0673687574696c8c086f732e6d6b646972938c042f746d7085522e", // shutil, os.mkdir
        "636f730a73797374656d0a2e", "80048c086275696c74696e738c046576616c932e",
        "28696f730a73797374656d0a2e"})
    CHECK(verdict(from_hex(gadget)) == not_three);
}

TEST_CASE("login: every prefix of the answer is refused, and bytes after the answer are ignored") {
  auto golden = from_hex(golden_hex);
  for (std::size_t n = 0; n < golden.size(); ++n)
    REQUIRE(verdict(golden.substr(0, n)) == not_three);
  CHECK(verdict(golden + "anything") == "");
}

TEST_CASE("login: false lengths are refused without reading past the end") {
  for (auto lie : {"8005430401020343", "800543ff", "800542ffffffff00", "80054200000080",
                   "8005420000", "80059500", "80", "71"})
    CHECK(verdict(from_hex(lie)) == not_three);
}

TEST_CASE("login: opcodes out of order are refused") {
  auto abc = from_hex("4301614301624301"
                      "63");
  for (const auto& wrong :
       {"\x80\x05" + abc + ".", "\x80\x05" + abc + "\x87\x87.", "\x80\x05" + abc + "t.",
        "\x80\x05(" + abc + "\x87.", "\x80\x05" + abc + "(t.",
        "\x80\x05" + abc + "\x87"
          + "C\x01"
            "d.",
        "\x80\x05((" + abc + "t."})
    CHECK(verdict(wrong) == not_three);
  CHECK(verdict("\x80\x05(" + abc + "t.") == other_challenge);
}

TEST_CASE("login: an answer in pickle protocol 3, with a memo and without frames, is accepted") {
  auto digest = from_hex(digest_hex);
  auto wire = "\x80\x03"
              "C\x04"
              + salt + from_hex("7100") + "C\x20" + digest + from_hex("7101") + "C\x1f" + challenge
              + from_hex("71028771032e");
  CHECK(verdict(wire) == "");
}

TEST_CASE("check_key: accepts the key lengths that BLAKE2s accepts") {
  CHECK(patio::protocol::check_key(""));
  CHECK(patio::protocol::check_key(std::string(32, 'k')));
  auto refused = patio::protocol::check_key(std::string(33, 'k'));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == patio::errc::invalid);
  CHECK(refused.error().message == "a key has at most 32 bytes, not 33");
}
