#include <patio/value/json.hpp>

#include <limits>

#include <patio/base/utf8.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/literal_cursor.hpp>

namespace patio {
namespace {

using detail::literal_cursor;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

class json_reader {
public:
  explicit json_reader(std::string_view text) : in_{text} {}

  detail::reading whole() {
    value out;
    bool read = item(out);
    if (read) skip_space();
    if (read && !in_.at_end()) read = in_.fail("the end");
    if (read && !in_.refused()) return {std::move(out)};
    return {tl::unexpected<error>(in_.failure()), read || too_deep_};
  }

private:
  void skip_space() noexcept {
    while (in_.peek() == ' ' || in_.peek() == '\t' || in_.peek() == '\n' || in_.peek() == '\r')
      in_.advance();
  }
  bool item(value& out);
  bool name(value& out);
  bool number(value& out);
  std::string digits();
  bool fraction(std::string& text);
  bool array(value& out);
  bool object(value& out);
  bool separator(char close, bool& more);
  bool string(std::string& out);
  bool character(std::string& out);
  bool escape(std::string& out);
  static bool code_unit(literal_cursor& in, char32_t& unit);

  literal_cursor in_;
  unsigned open_ = 0;
  bool too_deep_ = false;
};

bool json_reader::item(value& out) {
  skip_space();
  auto c = in_.peek();
  if (c == '"') {
    std::string text;
    if (!string(text)) return false;
    out = value{text};
    return true;
  }
  if (c != '[' && c != '{') return c == '-' || is_digit(c) ? number(out) : name(out);
  if (open_ == value::max_depth) {
    too_deep_ = true; // the rest of the text stays unread
    return in_.fail("at most " + std::to_string(value::max_depth) + " open brackets");
  }
  ++open_;
  in_.advance();
  bool read = c == '[' ? array(out) : object(out);
  --open_;
  return read;
}

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double quiet_nan = std::numeric_limits<double>::quiet_NaN();

bool json_reader::name(value& out) {
  auto word = in_.word();
  if (word == "null") out = value{};
  else if (word == "true") out = value{true};
  else if (word == "false") out = value{false};
  else if (word == "NaN") out = value{quiet_nan};
  else if (word == "Infinity") out = value{infinity};
  else return in_.fail("a JSON value");
  in_.advance(word.size());
  return true;
}

std::string json_reader::digits() {
  std::string text;
  for (; is_digit(in_.peek()); in_.advance()) text += in_.peek();
  return text;
}

/// Appends the fraction and the exponent, if there are any.
bool json_reader::fraction(std::string& text) {
  if (in_.take('.')) {
    auto decimals = digits();
    if (decimals.empty()) return in_.fail("a digit");
    text += '.' + decimals;
  }
  if (!in_.take('e') && !in_.take('E')) return true;
  text += 'e';
  if (in_.peek() == '+' || in_.peek() == '-') {
    text += in_.peek();
    in_.advance();
  }
  auto exponent = digits();
  text += exponent;
  return !exponent.empty() || in_.fail("a digit");
}

bool json_reader::number(value& out) {
  auto start = in_.offset();
  bool negative = in_.take('-');
  if (negative && in_.take("Infinity")) {
    out = value{-infinity};
    return true;
  }
  auto text = digits();
  auto whole = text.size();
  if (whole == 0) return in_.fail("a digit");
  if (whole > 1 && text.front() == '0') return in_.fail(start, "no leading zeros");
  if (!fraction(text)) return false;
  if (text.size() > whole) {
    auto real = detail::to_real(text);
    out = value{negative ? -real : real};
    return true;
  }
  if (whole > detail::max_digits)
    return in_.refuse(start, detail::digits_limit, std::to_string(whole));
  out = value{*integer::from_decimal(negative ? "-" + text : text)};
  return true;
}

/// Reads "," or the closing bracket after an item. `more` tells whether another item follows.
bool json_reader::separator(char close, bool& more) {
  skip_space();
  more = in_.take(',');
  return more || in_.take(close) || in_.fail(std::string{"',' or '"} + close + "'");
}

bool json_reader::array(value& out) {
  std::vector<value> found;
  skip_space();
  for (bool more = !in_.take(']'); more;)
    if (!item(found.emplace_back()) || !separator(']', more)) return false;
  out = value::list(std::move(found));
  return true;
}

bool json_reader::object(value& out) {
  auto start = in_.offset();
  std::vector<dict_entry> found;
  skip_space();
  for (bool more = !in_.take('}'); more;) {
    skip_space();
    std::string name;
    if (in_.peek() != '"') return in_.fail("a name in double quotes");
    if (!string(name)) return false;
    skip_space();
    if (!in_.take(':')) return in_.fail("':'");
    found.emplace_back(value{name}, value{});
    if (!item(found.back().second) || !separator('}', more)) return false;
  }
  detail::refuse_repeated_name(in_, start, found);
  out = value::dict(std::move(found));
  return true;
}

/// Reads a string from its opening quote to its closing quote.
bool json_reader::string(std::string& out) {
  in_.advance();
  while (!in_.take('"'))
    if (!(in_.take('\\') ? escape(out) : character(out))) return false;
  return true;
}

bool json_reader::character(std::string& out) {
  if (in_.at_end()) return in_.fail("a closing \"");
  auto [c, size] = decode_utf8(in_.rest());
  if (size == 0 || is_surrogate(c)) return in_.fail("UTF-8");
  if (c < 0x20) return in_.fail("an escape for a control character");
  out += in_.rest().substr(0, size);
  in_.advance(size);
  return true;
}

bool json_reader::escape(std::string& out) {
  static constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  if (!in_.take('u')) {
    auto i = in_.at_end() ? std::string_view::npos : letters.find(in_.peek());
    if (i == std::string_view::npos) return in_.fail("one of the escapes of JSON");
    out += meanings[i];
    in_.advance();
    return true;
  }
  char32_t c = 0;
  if (!code_unit(in_, c)) return false;
  if (c >= 0xd800 && c < 0xdc00 && in_.rest().starts_with("\\u")) {
    auto second = in_;
    second.advance(2);
    char32_t low = 0;
    // The next call reads any other escape that follows.
    if (code_unit(second, low) && low >= 0xdc00 && low < 0xe000) {
      in_ = std::move(second);
      c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  append_utf8(out, c);
  return true;
}

bool json_reader::code_unit(literal_cursor& in, char32_t& unit) {
  static constexpr std::string_view hex = "0123456789abcdef0123456789ABCDEF";
  for (int i = 0; i < 4; ++i, in.advance()) {
    auto digit = in.at_end() ? std::string_view::npos : hex.find(in.peek());
    if (digit == std::string_view::npos) return in.fail("4 hexadecimal digits");
    unit = unit * 16 + static_cast<char32_t>(digit % 16);
  }
  return true;
}

} // namespace

detail::reading detail::read_json(std::string_view text) { return json_reader{text}.whole(); }

result<value> parse_json(std::string_view text) { return detail::read_json(text).outcome; }

} // namespace patio
