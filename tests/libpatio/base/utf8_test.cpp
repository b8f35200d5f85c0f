#include <patio/base/utf8.hpp>

#include <doctest/doctest.h>

using patio::append_utf8;
using patio::decode_utf8;
using patio::is_ascii;
using patio::is_utf8;

TEST_CASE("utf8: every code point reads back, including surrogates") {
  std::size_t wrong = 0;
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    std::string text;
    append_utf8(text, c);
    auto size = text.size();
    auto [code, used] = decode_utf8(text + "\x80");
    if (code != c || used != size || decode_utf8(text.substr(0, size - 1)).size != 0) ++wrong;
  }
  CHECK(wrong == 0);
}

TEST_CASE("utf8: each code point has the length that the standard demands") {
  for (auto [c, size] : {std::pair{U'\x7f', 1U},
                         {U'\x80', 2U},
                         {U'\u07ff', 2U},
                         {U'\u0800', 3U},
                         {U'\uffff', 3U},
                         {U'\U00010000', 4U}}) {
    std::string text;
    append_utf8(text, c);
    CHECK(text.size() == size);
  }
}

TEST_CASE("utf8: stray, overlong, truncated and too large sequences are not code points") {
  for (auto text : {"", "\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf",
                    "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xc3", "\xc3(", "\xe2\x82",
                    "\xe2(\xa1", "\xe2\x82(", "\xf0\x9f\x98"})
    CHECK(decode_utf8(text).size == 0);
}

TEST_CASE("utf8: a text of any length is ASCII, UTF-8 or neither") {
  for (std::size_t size = 0; size < 20; ++size) {
    std::string ascii(size, '\x7f');
    CHECK((is_ascii(ascii) && is_utf8(ascii)));
    for (std::size_t at = 0; at < size; ++at) {
      auto text = ascii;
      text[at] = '\xff';
      CHECK_FALSE((is_ascii(text) || is_utf8(text)));
      text.replace(at, 1, "\xed\xa0\x80"); // a lone surrogate
      CHECK_FALSE(is_ascii(text));
      CHECK(is_utf8(text));
    }
  }
}
