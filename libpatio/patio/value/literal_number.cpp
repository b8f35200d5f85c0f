#include <patio/value/literal_cursor.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <patio/value/integer.hpp>

namespace patio::detail {
namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// Returns the value of a digit in any base up to 16, and 16 for any other character.
int digit_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  auto lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 16;
}

/// Reads digits with optional single underscores between them. Returns the digits without the
/// underscores.
std::string take_digits(literal_cursor& in, int base) {
  std::string digits;
  auto is_next = [&](std::size_t ahead) { return digit_value(in.peek(ahead)) < base; };
  while (is_next(0) || (!digits.empty() && in.peek() == '_' && is_next(1))) {
    if (in.peek() != '_') digits += in.peek();
    in.advance();
  }
  return digits;
}

/// Converts digits of a base that is a power of two. Each digit has `bits` bits, so no arithmetic
/// is needed.
integer from_bits(std::string_view digits, unsigned bits) {
  // An extra zero byte keeps the number positive.
  std::string little_endian(digits.size() * bits / 8 + 2, '\0');
  for (std::size_t i = 0; i < digits.size(); ++i) {
    auto digit = static_cast<unsigned>(digit_value(digits[digits.size() - 1 - i]));
    auto at = i * bits / 8, shift = i * bits % 8;
    auto both = digit << shift;
    little_endian[at] =
      static_cast<char>(static_cast<unsigned char>(little_endian[at]) | (both & 0xff));
    little_endian[at + 1] =
      static_cast<char>(static_cast<unsigned char>(little_endian[at + 1]) | (both >> 8));
  }
  return integer::from_twos_complement(little_endian);
}

struct number_base {
  char letter;
  int base;
  unsigned bits;
  std::string_view digits;
};
constexpr std::array bases{number_base{'x', 16, 4, "hexadecimal digits"},
                           number_base{'o', 8, 3, "octal digits"},
                           number_base{'b', 2, 1, "binary digits"}};

bool read_bits(literal_cursor& in, const number_base& b, value& out) {
  in.advance(2);
  if (in.peek() == '_') in.advance();
  auto digits = take_digits(in, b.base);
  if (digits.empty()) return in.fail(b.digits);
  out = value{from_bits(digits, b.bits)};
  return true;
}

/// Returns the decimal exponent of the first significant digit. The result is exact enough to
/// distinguish overflow from underflow.
std::int64_t decimal_exponent(std::string_view text) {
  auto e = text.find_first_of("eE");
  auto digits = text.substr(0, e);
  auto first = digits.find_first_of("123456789"), point = std::min(digits.find('.'), digits.size());
  if (first == std::string_view::npos) return 0;
  std::int64_t exponent = 0;
  if (e != std::string_view::npos) {
    auto tail = text.substr(e + 1);
    if (tail.starts_with('+')) tail.remove_prefix(1);
    constexpr std::int64_t huge = std::numeric_limits<std::int64_t>::max() / 2;
    bool fits = std::from_chars(tail.data(), tail.data() + tail.size(), exponent).ec == std::errc{};
    if (!fits) exponent = tail.starts_with('-') ? -huge : huge;
  }
  return exponent + static_cast<std::int64_t>(point) - static_cast<std::int64_t>(first);
}

} // namespace

double to_real(std::string_view text) {
  double d = 0;
  auto ec = std::from_chars(text.data(), text.data() + text.size(), d).ec;
  if (ec == std::errc::result_out_of_range)
    d = decimal_exponent(text) > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  return d;
}

namespace {

/// Reads the fraction and the exponent of a float, if present, and appends them to `text`.
void take_fraction(literal_cursor& in, std::string& text) {
  if (in.take('.')) text += '.' + take_digits(in, 10);
  if ((in.peek() | 0x20) != 'e') return;
  bool sign = in.peek(1) == '+' || in.peek(1) == '-';
  if (!is_digit(in.peek(sign ? 2 : 1))) return;
  text += 'e';
  in.advance();
  if (sign) {
    text += in.peek();
    in.advance();
  }
  text += take_digits(in, 10);
}

bool read_decimal(literal_cursor& in, value& out) {
  auto start = in.offset();
  auto text = take_digits(in, 10);
  auto digits = text.size();
  take_fraction(in, text);
  if (in.take('j') || in.take('J')) {
    out = std::complex<double>{0, to_real(text)};
    return true;
  }
  if (text.size() > digits) {
    out = to_real(text);
    return true;
  }
  if (digits > max_digits) {
    out = value{0};
    return in.refuse(start, digits_limit, std::to_string(digits));
  }
  if (text.front() == '0' && text.find_first_not_of('0') != std::string::npos)
    return in.fail(start, "no leading zeros");
  out = value{*integer::from_decimal(text)};
  return true;
}

struct named_number {
  std::string_view name;
  double number;
  bool imaginary;
};
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double quiet_nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::array names{
  named_number{"inf", infinity, false},  named_number{"Infinity", infinity, false},
  named_number{"nan", quiet_nan, false}, named_number{"NaN", quiet_nan, false},
  named_number{"infj", infinity, true},  named_number{"nanj", quiet_nan, true}};

const named_number* find_name(std::string_view word) noexcept {
  auto at = std::find_if(names.begin(), names.end(), [&](const auto& n) { return n.name == word; });
  return at == names.end() ? nullptr : &*at;
}

bool read_unsigned(literal_cursor& in, value& out) {
  if (const auto* n = find_name(in.word())) {
    in.advance(n->name.size());
    out = n->imaginary ? value{std::complex<double>{0, n->number}} : value{n->number};
    return true;
  }
  if (!is_digit(in.peek()) && !(in.peek() == '.' && is_digit(in.peek(1))))
    return in.fail("a number");
  auto letter = static_cast<char>(in.peek(1) | 0x20);
  auto base =
    std::find_if(bases.begin(), bases.end(), [&](const auto& b) { return b.letter == letter; });
  bool read =
    in.peek() == '0' && base != bases.end() ? read_bits(in, *base, out) : read_decimal(in, out);
  if (read && (!in.word().empty() || in.peek() == '.')) return in.fail("the end of the number");
  return read;
}

value negated(const value& v) {
  switch (v.kind()) {
  case kind::integer: return value{integer{} - v.as_integer()};
  case kind::real: return value{-v.as_real()};
  default: return value{-v.as_complex()};
  }
}

bool read_signed(literal_cursor& in, value& out) {
  bool negative = in.take('-');
  if (!negative) in.take('+');
  in.skip_space();
  if (!read_unsigned(in, out)) return false;
  if (negative) out = negated(out);
  return true;
}

} // namespace

bool starts_number(const literal_cursor& in) noexcept {
  auto c = in.peek();
  return is_digit(c) || c == '.' || c == '+' || c == '-' || find_name(in.word());
}

bool read_number(literal_cursor& in, value& out) {
  auto start = in.offset();
  if (!read_signed(in, out)) return false;
  auto after = in;
  after.skip_space();
  bool minus = after.peek() == '-';
  if (out.kind() == kind::complex || (!minus && after.peek() != '+')) return true;
  in = after;
  in.advance();
  in.skip_space();
  auto second = in.offset();
  value imaginary;
  if (!read_unsigned(in, imaginary)) return false;
  if (imaginary.kind() != kind::complex) return in.fail(second, "an imaginary number such as 2j");
  auto real = out.kind() == kind::integer ? out.as_integer().as_real() : out.as_real();
  if (out.kind() == kind::integer && std::isinf(real))
    return in.refuse(start, "a real part that fits a float", "a larger integer");
  // As in Python, the result is a sum or a difference, which determines the signs of zeros.
  auto part = imaginary.as_complex();
  out = value{minus ? std::complex{real, 0.0} - part : std::complex{real, 0.0} + part};
  return true;
}

} // namespace patio::detail
