#include <patio/pickle/scalar_reader.hpp>

#include <algorithm>
#include <charconv>

#include <patio/base/utf8.hpp>
#include <patio/value/integer.hpp>

namespace patio::pickle {

namespace {

/// Parses `text` with std::from_chars. Returns false unless all of `text` is a number.
template <class Number, class... Base>
bool parse(std::string_view text, Number& number, Base... base) {
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number, base...);
  return failed == std::errc{} && end == text.data() + text.size();
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// Returns true for a decimal integer as CPython writes it: without plus sign, leading zeros,
/// blanks and base prefix.
bool is_plain_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  return is_digits(text) && (text.size() == 1 || text.front() != '0');
}

value integer_of(std::string_view decimal) {
  std::int64_t small{};
  if (parse(decimal, small)) return small;
  return *integer::from_decimal(decimal);
}

value integer_of_bytes(std::string_view twos_complement) {
  if (twos_complement.size() > sizeof(std::int64_t))
    return integer::from_twos_complement(twos_complement);
  bool negative = !twos_complement.empty() && (twos_complement.back() & 0x80) != 0;
  std::uint64_t bits = negative ? ~std::uint64_t{0} : 0;
  std::memcpy(&bits, twos_complement.data(), twos_complement.size());
  return static_cast<std::int64_t>(bits);
}

char32_t take_char(std::string_view& rest) {
  auto c = static_cast<unsigned char>(rest.front());
  rest.remove_prefix(1);
  return c;
}

/// Parses the first `count` characters as a number in base 16 or 8. Returns nothing if a character
/// is not a digit, or if there are fewer characters.
std::optional<char32_t> digits(std::string_view text, std::size_t count, int base) {
  std::uint32_t code{};
  if (text.size() < count || !parse(text.substr(0, count), code, base)) return {};
  return code;
}

/// Returns the character of an escape sequence in a Python 2 string. `rest` begins after the
/// backslash. Removes the sequence from `rest`. Returns nothing if there is no known sequence.
std::optional<char32_t> string_escape(std::string_view& rest) {
  constexpr std::string_view letters = "\\'\"abfnrtv";
  constexpr std::string_view meanings = "\\'\"\a\b\f\n\r\t\v";
  auto c = rest.front();
  if (auto at = letters.find(c); at != std::string_view::npos) {
    rest.remove_prefix(1);
    return static_cast<char32_t>(meanings[at]);
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

// CPython reads LONG4's length as signed and refuses a negative length. Here the length is
// unsigned, so such a length exceeds the limit.
template <std::unsigned_integral Length>
bool scalar_reader::binary_integer() {
  if (!machine_->need(sizeof(Length))) return false;
  std::size_t length = machine_->in().little_endian<Length>();
  auto max = machine_->budget().limits().integer_bytes;
  if (length > max)
    return machine_->refuse(limit::pickle_integer_bytes, "expected an int of at most "
                                                           + std::to_string(max) + " bytes, found "
                                                           + std::to_string(length));
  return machine_->need(length)
         && machine_->push(integer_of_bytes(machine_->in().take(length)), length);
}
template bool scalar_reader::binary_integer<std::uint8_t>();
template bool scalar_reader::binary_integer<std::uint32_t>();

bool scalar_reader::binary_float() {
  if (!machine_->need(8)) return false;
  auto bits = __builtin_bswap64(machine_->in().little_endian<std::uint64_t>());
  return machine_->push(std::bit_cast<double>(bits));
}

inline bool scalar_reader::push_text(kind k, std::string_view chars) {
  if (k == kind::str && !is_utf8(chars)) return machine_->refuse("expected UTF-8");
  return machine_->push(value_access::text(k, chars, machine_->texts), chars.size());
}

template <std::unsigned_integral Length>
bool scalar_reader::counted_text(kind k) {
  if (!machine_->need(sizeof(Length))) return false;
  std::size_t length = machine_->in().little_endian<Length>();
  return machine_->need(length) && push_text(k, machine_->in().take(length));
}
template bool scalar_reader::counted_text<std::uint8_t>(kind);
template bool scalar_reader::counted_text<std::uint32_t>(kind);
template bool scalar_reader::counted_text<std::uint64_t>(kind);

// CPython reads a length of 32 bits as signed and refuses a negative length. Here the length is
// unsigned, so such a length exceeds the remaining bytes.
template <std::unsigned_integral Length>
bool scalar_reader::counted_ascii() {
  if (!machine_->need(sizeof(Length))) return false;
  std::size_t length = machine_->in().little_endian<Length>();
  if (!machine_->need(length)) return false;
  auto chars = machine_->in().take(length);
  return is_ascii(chars) ? push_text(kind::str, chars) : machine_->refuse("expected ASCII");
}
template bool scalar_reader::counted_ascii<std::uint8_t>();
template bool scalar_reader::counted_ascii<std::uint32_t>();

bool scalar_reader::integer_line(opcode op) {
  std::string_view digits;
  if (!machine_->read_line(digits)) return false;
  // CPython's C reader reads any two characters with the value 0 or 1 as a bool.
  if (op == opcode::int_text && (digits == "00" || digits == "01" || digits == "-0"))
    return machine_->push(digits == "01");
  if (op == opcode::long_text && digits.ends_with('L')) digits.remove_suffix(1);
  auto max = machine_->budget().limits().integer_digits;
  if (digits.size() > max + (digits.starts_with('-') ? 1 : 0))
    return machine_->refuse(limit::pickle_integer_digits,
                            "expected an int of at most " + std::to_string(max) + " digits, found "
                              + std::to_string(digits.size()));
  if (!is_plain_decimal(digits)) return machine_->refuse("expected decimal digits");
  return machine_->push(integer_of(digits), digits.size());
}

bool scalar_reader::float_line() {
  std::string_view chars;
  if (!machine_->read_line(chars)) return false;
  double number{};
  // std::from_chars accepts "nan(1)", but CPython does not.
  if (!parse(chars, number) || chars.ends_with(')')) return machine_->refuse("expected a float");
  return machine_->push(number);
}

bool scalar_reader::string_line() {
  std::string_view rest;
  if (!machine_->read_line(rest)) return false;
  bool quoted = rest.size() >= 2 && rest.front() == rest.back()
                && (rest.front() == '\'' || rest.front() == '"');
  if (!quoted) return machine_->refuse("expected a quoted string");
  rest = rest.substr(1, rest.size() - 2);
  std::string chars;
  while (!rest.empty()) {
    auto c = take_char(rest);
    if (c == '\\') {
      if (rest.empty()) return machine_->refuse("expected a character after the backslash");
      if (auto escaped = string_escape(rest)) c = *escaped;
      else if (rest.starts_with('x'))
        return machine_->refuse("expected two hexadecimal digits after \\x");
    }
    if (c >= 0x80) return machine_->refuse("expected ASCII");
    chars.push_back(static_cast<char>(c));
  }
  return push_text(kind::str, chars);
}

// Decodes Python's raw-unicode-escape: Latin-1, \uXXXX and \UXXXXXXXX. After any other backslash,
// the backslash and the next character stand for themselves.
bool scalar_reader::unicode_line() {
  std::string_view rest;
  if (!machine_->read_line(rest)) return false;
  std::string chars;
  while (!rest.empty()) {
    auto c = take_char(rest);
    if (c != '\\' || rest.empty()) {
      append_utf8(chars, c);
      continue;
    }
    auto letter = take_char(rest);
    if (letter != 'u' && letter != 'U') {
      append_utf8(chars, c);
      append_utf8(chars, letter);
      continue;
    }
    std::size_t count = letter == 'u' ? 4 : 8;
    auto code = digits(rest, count, 16);
    if (!code || *code > 0x10ffff)
      return machine_->refuse("expected a code point in hexadecimal digits after the backslash");
    append_utf8(chars, *code);
    rest.remove_prefix(count);
  }
  return machine_->push(value{chars}, chars.size());
}

bool scalar_reader::memo_index_line(std::uint64_t& index) {
  std::string_view digits;
  if (!machine_->read_line(digits)) return false;
  return parse(digits, index) || machine_->refuse("expected a memo index");
}

} // namespace patio::pickle
