#include <patio/pickle/reader.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

#include <patio/base/utf8.hpp>

namespace patio::pickle {
using detail::is_ascii;
using detail::is_utf8;
namespace {

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Decimal digits as CPython writes them: no plus, no leading zero, no space, no other base.
bool is_plain_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return is_digits(text) && (text.size() == 1 || text.front() != '0');
}

value integer_of(std::string_view decimal) {
  std::int64_t small{};
  auto [end, failed] = std::from_chars(decimal.data(), decimal.data() + decimal.size(), small);
  if (failed == std::errc{} && end == decimal.data() + decimal.size()) return small;
  return *integer::from_decimal(decimal);
}

value integer_of_bytes(std::string_view two) {
  if (two.size() > sizeof(std::int64_t)) return integer::from_twos_complement(two);
  std::uint64_t bits = !two.empty() && (two.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  std::memcpy(&bits, two.data(), two.size());
  return static_cast<std::int64_t>(bits);
}

/// `count` digits of base 16 or 8; nothing if there are fewer.
std::optional<char32_t> digits(std::string_view text, std::size_t count, int base) {
  if (text.size() < count) return {};
  std::uint32_t code{};
  auto [end, failed] = std::from_chars(text.data(), text.data() + count, code, base);
  if (failed != std::errc{} || end != text.data() + count) return {};
  return code;
}

/// One backslash sequence of a Python 2 string, the backslash taken away already; nothing if it is
/// none.
std::optional<char32_t> string_escape(std::string_view& rest) {
  constexpr std::string_view names = "\\'\"abfnrtv";
  constexpr std::string_view meant = "\\'\"\a\b\f\n\r\t\v";
  auto c = rest.front();
  if (auto at = names.find(c); at != std::string_view::npos) {
    rest.remove_prefix(1);
    return static_cast<char32_t>(meant[at]);
  }
  if (c == 'x') {
    auto code = digits(rest.substr(1), 2, 16);
    rest.remove_prefix(code ? 3 : 0);
    return code;
  }
  std::size_t length =
    std::min(rest.find_first_not_of("01234567"), std::min<std::size_t>(rest.size(), 3));
  auto code = length > 0 ? digits(rest, length, 8) : std::nullopt;
  rest.remove_prefix(length);
  return code;
}

} // namespace

bool reader::protocol() {
  if (!need(1)) return false;
  protocol_ = in_.little_endian<std::uint8_t>();
  return protocol_ <= highest_protocol
         || refuse("expected protocol 0 to 5, found " + std::to_string(protocol_));
}

// As in CPython's C reader a frame only promises bytes: it may be empty, nested or end within an
// opcode.
bool reader::frame() {
  if (!need(8)) return false;
  return need(in_.little_endian<std::uint64_t>());
}

// LONG4's length is signed in CPython, where a negative one is an error; here it is too long for
// any limit.
template <std::unsigned_integral Length>
bool reader::binary_integer() {
  if (!need(sizeof(Length))) return false;
  std::size_t length = in_.little_endian<Length>();
  if (length > limits_.integer_bytes)
    return refuse(limit::pickle_integer_bytes, "expected an int of at most "
                                                 + std::to_string(limits_.integer_bytes)
                                                 + " bytes, found " + std::to_string(length));
  return need(length) && push(integer_of_bytes(in_.take(length)), length);
}
template bool reader::binary_integer<std::uint8_t>();
template bool reader::binary_integer<std::uint32_t>();

bool reader::binary_float() {
  if (!need(8)) return false;
  return push(std::bit_cast<double>(__builtin_bswap64(in_.little_endian<std::uint64_t>())));
}

bool reader::text(kind k, std::string_view chars) {
  if (k == kind::str && !is_utf8(chars)) return refuse("expected UTF-8");
  return push(value_access::text(k, chars), chars.size());
}

template <std::unsigned_integral Length>
bool reader::counted_text(kind k) {
  if (!need(sizeof(Length))) return false;
  std::size_t length = in_.little_endian<Length>();
  return need(length) && text(k, in_.take(length));
}
template bool reader::counted_text<std::uint8_t>(kind);
template bool reader::counted_text<std::uint32_t>(kind);
template bool reader::counted_text<std::uint64_t>(kind);

// Python 2's strings, which Python 3 reads as ASCII. A negative length, legal in no pickle, is too
// long.
template <std::unsigned_integral Length>
bool reader::counted_ascii() {
  if (!need(sizeof(Length))) return false;
  std::size_t length = in_.little_endian<Length>();
  if (!need(length)) return false;
  auto chars = in_.take(length);
  return is_ascii(chars) ? text(kind::str, chars) : refuse("expected ASCII");
}
template bool reader::counted_ascii<std::uint8_t>();
template bool reader::counted_ascii<std::uint32_t>();

bool reader::line(std::string_view& text) {
  auto found = in_.line();
  if (!found) return refuse("expected a line, found no newline");
  text = *found;
  return true;
}

bool reader::integer_line(opcode op) {
  std::string_view digits;
  if (!line(digits)) return false;
  // CPython's C reader takes any two characters that make 0 or 1 for a bool.
  if (op == opcode::int_text && (digits == "00" || digits == "01" || digits == "-0"))
    return push(digits == "01");
  if (op == opcode::long_text && digits.ends_with('L')) digits.remove_suffix(1);
  if (digits.size() > limits_.integer_digits + (digits.starts_with('-') ? 1 : 0))
    return refuse(limit::pickle_integer_digits,
                  "expected an int of at most " + std::to_string(limits_.integer_digits)
                    + " digits, found " + std::to_string(digits.size()));
  if (!is_plain_decimal(digits)) return refuse("expected decimal digits");
  return push(integer_of(digits), digits.size());
}

bool reader::float_line() {
  std::string_view chars;
  if (!line(chars)) return false;
  double number{};
  auto [end, failed] = std::from_chars(chars.data(), chars.data() + chars.size(), number);
  if (failed != std::errc{} || end != chars.data() + chars.size() || chars.ends_with(')'))
    return refuse("expected a float");
  return push(number);
}

bool reader::string_line() {
  std::string_view rest;
  if (!line(rest)) return false;
  bool quoted = rest.size() >= 2 && rest.front() == rest.back()
                && (rest.front() == '\'' || rest.front() == '"');
  if (!quoted) return refuse("expected a quoted string");
  rest = rest.substr(1, rest.size() - 2);
  std::string chars;
  while (!rest.empty()) {
    auto c = static_cast<char32_t>(static_cast<unsigned char>(rest.front()));
    rest.remove_prefix(1);
    if (c == '\\') {
      if (rest.empty()) return refuse("expected a character after the backslash");
      if (auto escaped = string_escape(rest)) c = *escaped;
      else if (rest.starts_with('x')) return refuse("expected two hexadecimal digits after \\x");
    }
    if (c >= 0x80) return refuse("expected ASCII");
    chars.push_back(static_cast<char>(c));
  }
  return text(kind::str, chars);
}

// Python's raw-unicode-escape: Latin-1, \uXXXX and \UXXXXXXXX; any other backslash stands for
// itself with the character after it.
bool reader::unicode_line() {
  std::string_view rest;
  if (!line(rest)) return false;
  std::string chars;
  while (!rest.empty()) {
    auto c = static_cast<char32_t>(static_cast<unsigned char>(rest.front()));
    rest.remove_prefix(1);
    if (c != '\\' || rest.empty()) {
      append_utf8(chars, c);
      continue;
    }
    auto letter = static_cast<char32_t>(static_cast<unsigned char>(rest.front()));
    rest.remove_prefix(1);
    if (letter != 'u' && letter != 'U') {
      append_utf8(chars, c), append_utf8(chars, letter);
      continue;
    }
    std::size_t count = letter == 'u' ? 4 : 8;
    auto code = digits(rest, count, 16);
    if (!code || *code > 0x10ffff)
      return refuse("expected a code point in hexadecimal digits after the backslash");
    append_utf8(chars, *code);
    rest.remove_prefix(count);
  }
  return push(value{chars}, chars.size());
}

} // namespace patio::pickle
