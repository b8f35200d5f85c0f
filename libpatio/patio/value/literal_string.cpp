#include <patio/value/literal_cursor.hpp>

#include <optional>

#include <patio/base/utf8.hpp>

namespace patio::detail {
namespace {

/// The notation of a string: its prefix and its quotes.
struct string_form {
  bool raw = false;
  bool bytes = false;
  std::string_view quotes; ///< one or three quote characters
};

/// Returns the form of the string that begins here and the length of its prefix, or nothing if no
/// string begins here.
std::optional<std::pair<string_form, std::size_t>> form_at(const literal_cursor& in) noexcept {
  string_form form;
  bool unicode = false;
  std::size_t n = 0;
  for (; in.peek(n) != '\'' && in.peek(n) != '"'; ++n) {
    auto letter = static_cast<char>(in.peek(n) | 0x20);
    auto& seen = letter == 'r' ? form.raw : letter == 'b' ? form.bytes : unicode;
    if ((letter != 'r' && letter != 'b' && letter != 'u') || seen) return {};
    seen = true;
  }
  if (unicode && n > 1) return {};
  auto quote = in.peek(n);
  auto width = std::size_t{in.peek(n + 1) == quote && in.peek(n + 2) == quote ? 3U : 1U};
  form.quotes = in.rest().substr(n, width);
  return std::pair{form, n};
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  auto lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

class string_reader {
public:
  string_reader(literal_cursor& in, string_form form, std::string& out)
      : in_{in}, form_{form}, out_{out} {}

  /// Reads up to the closing quotes, inclusive.
  bool read() {
    for (;;) {
      if (in_.take(form_.quotes)) return true;
      if (in_.at_end()) return missing_quotes();
      if (!character()) return false;
    }
  }

private:
  bool missing_quotes() { return in_.fail("a closing " + std::string{form_.quotes}); }
  bool character();
  bool escape();
  bool line_break();
  bool plain();
  bool hex_escape(int digits);
  bool octal_escape();
  bool named_character();
  void append(char32_t c);

  literal_cursor& in_;
  string_form form_;
  std::string& out_;
};

bool string_reader::character() {
  bool line_end = in_.peek() == '\n' || in_.peek() == '\r';
  if (line_end && form_.quotes.size() == 3) return line_break();
  if (line_end) return missing_quotes();
  if (in_.peek() != '\\') return plain();
  in_.advance();
  if (!form_.raw) return escape();
  // A raw string keeps the backslash. A quote after a backslash does not end the string.
  out_ += '\\';
  if (in_.at_end()) return true;
  return in_.peek() == '\n' || in_.peek() == '\r' ? line_break() : plain();
}

// Python reads every line ending as \n.
bool string_reader::line_break() {
  if (!in_.take("\r\n")) in_.advance();
  out_ += '\n';
  return true;
}

bool string_reader::plain() {
  auto [c, size] = decode_utf8(in_.rest());
  if (form_.bytes && (size != 1 || c >= 0x80)) return in_.fail("an ASCII character in bytes");
  if (size == 0 || is_surrogate(c)) return in_.fail("UTF-8");
  out_ += in_.rest().substr(0, size);
  in_.advance(size);
  return true;
}

void string_reader::append(char32_t c) {
  if (form_.bytes) out_ += static_cast<char>(c & 0xff); // as CPython 3.11 does with b"\400"
  else append_utf8(out_, c);
}

bool string_reader::hex_escape(int digits) {
  auto start = in_.offset() - 1;
  in_.advance();
  char32_t c = 0;
  for (int i = 0; i < digits; ++i, in_.advance()) {
    auto digit = hex_value(in_.peek());
    if (digit < 0) return in_.fail(std::to_string(digits) + " hexadecimal digits");
    c = c * 16 + static_cast<char32_t>(digit);
  }
  if (c > 0x10ffff) return in_.fail(start, "a code point of at most \\U0010ffff", "a larger one");
  append(c);
  return true;
}

bool string_reader::octal_escape() {
  char32_t c = 0;
  for (int i = 0; i < 3 && in_.peek() >= '0' && in_.peek() <= '7'; ++i, in_.advance())
    c = c * 8 + static_cast<char32_t>(in_.peek() - '0');
  append(c);
  return true;
}

// Python knows the names of all characters. Accepting the text as it is would change its meaning.
bool string_reader::named_character() {
  in_.refuse(in_.offset() - 1, "the character itself or its \\u escape", "a name (\\N)");
  in_.advance();
  if (!in_.take('{')) return in_.fail("'{'");
  while (in_.peek() != '}' && in_.peek() != form_.quotes.front() && !in_.at_end()) in_.advance();
  return in_.take('}') || in_.fail("'}'");
}

bool string_reader::escape() {
  static constexpr std::string_view letters = "\\'\"abfnrtv", meanings = "\\'\"\a\b\f\n\r\t\v";
  auto c = in_.peek();
  if (in_.at_end()) return true; // read() reports the missing closing quotes
  if (auto i = letters.find(c); i != std::string_view::npos) {
    out_ += meanings[i];
    in_.advance();
    return true;
  }
  if (in_.take("\r\n") || in_.take('\n') || in_.take('\r')) return true;
  if (c >= '0' && c <= '7') return octal_escape();
  if (c == 'x') return hex_escape(2);
  if (!form_.bytes && (c == 'u' || c == 'U')) return hex_escape(c == 'u' ? 4 : 8);
  if (!form_.bytes && c == 'N') return named_character();
  out_ += '\\'; // Python keeps the backslash of an unknown escape sequence
  return plain();
}

} // namespace

bool starts_string(const literal_cursor& in) noexcept { return form_at(in).has_value(); }

bool read_strings(literal_cursor& in, value& out) {
  std::string chars;
  std::optional<bool> bytes;
  for (auto found = form_at(in); found; found = form_at(in)) {
    auto [form, prefix] = *found;
    if (bytes.value_or(form.bytes) != form.bytes)
      return in.fail(*bytes ? "bytes after bytes" : "a str after a str");
    bytes = form.bytes;
    in.advance(prefix + form.quotes.size());
    if (!string_reader{in, form, chars}.read()) return false;
    auto next = in;
    next.skip_space();
    if (starts_string(next)) in = next;
  }
  out = *bytes ? value::bytes(chars) : value{chars};
  return true;
}

} // namespace patio::detail
