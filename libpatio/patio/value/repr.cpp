#include <patio/value/repr.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <patio/base/printable.hpp>
#include <patio/base/utf8.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/standard_types.hpp>

namespace patio {
namespace {

constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();

constexpr std::uint64_t brief_integer_bytes = 1786;
constexpr std::uint64_t quick_integer_bytes = 256;

void append_escape(std::string& out, char32_t c) {
  switch (c) {
  case '\t': out += "\\t"; break;
  case '\n': out += "\\n"; break;
  case '\r': out += "\\r"; break;
  default: append_code_point(out, c);
  }
}

/// Appends the shortest decimal text that reads back as `d`, with an exponent where Python prints
/// one. Appends `suffix` to a finite number without point and exponent.
void append_real(std::string& out, double d, std::string_view suffix) {
  if (std::isnan(d)) {
    out += "nan"; // Python does not show the sign of a NaN
    return;
  }
  auto size = std::abs(d);
  bool exponent = d != 0 && std::isfinite(d) && (size < 1e-4 || size >= 1e16);
  auto format = exponent ? std::chars_format::scientific : std::chars_format::fixed;
  std::array<char, 32> buffer{};
  auto* end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), d, format).ptr;
  std::string_view text{buffer.data(), static_cast<std::size_t>(end - buffer.data())};
  out += text;
  if (!exponent && std::isfinite(d) && text.find('.') == std::string_view::npos) out += suffix;
}

void append_complex(std::string& out, std::complex<double> c) {
  bool pure = c.real() == 0 && !std::signbit(c.real());
  if (!pure) {
    out += '(';
    append_real(out, c.real(), "");
    if (std::isnan(c.imag()) || !std::signbit(c.imag())) out += '+';
  }
  append_real(out, c.imag(), "");
  out += pure ? "j" : "j)";
}

char quote_for(std::string_view text) noexcept {
  bool single = text.find('\'') != std::string_view::npos;
  bool both = single && text.find('"') != std::string_view::npos;
  return single && !both ? '"' : '\'';
}

class printer {
public:
  explicit printer(std::size_t limit) : limit_{limit} {}

  // Recursion is bounded: no value is deeper than value::max_depth.
  void print(const value& v);

  [[nodiscard]] bool too_many_digits() const noexcept { return digit_work_ > max_digit_work; }
  [[nodiscard]] std::string take() && { return std::move(out_); }

private:
  /// Returns true if the output exceeds the limit. Further output would be truncated.
  [[nodiscard]] bool full() const noexcept { return out_.size() > limit_; }
  [[nodiscard]] std::string_view visible(std::string_view text) const noexcept {
    return text.substr(0, limit_);
  }
  void characters(std::string_view text, char quote);
  void quoted(std::string_view text);
  void quoted_bytes(std::string_view data, bool escape_single);
  void whole_number(const value& v);
  void sequence(std::string_view open, std::span<const value> items, std::string_view close);
  void set(const value& v);
  void dict(std::span<const dict_entry> entries);
  void exception(const value& v);
  void object(const object_parts& o);
  void ordered_dict(std::span<const dict_entry> entries);

  std::size_t limit_;
  std::uint64_t digit_work_ = 0;
  std::string out_;
};

void printer::characters(std::string_view text, char quote) {
  while (!text.empty()) {
    auto [c, size] = decode_utf8(text);
    if (size == 0) { // not UTF-8: Python's "surrogateescape" gives the same character
      c = 0xdc00 + static_cast<unsigned char>(text.front());
      size = 1;
    }
    bool ascii = c >= 0x20 && c < 0x7f;
    if (c == '\\' || c == static_cast<unsigned char>(quote)) out_ += '\\';
    if (ascii || is_printable(c)) out_ += text.substr(0, size);
    else append_escape(out_, c);
    text.remove_prefix(size);
  }
}

void printer::quoted(std::string_view text) {
  text = visible(text);
  auto quote = quote_for(text);
  out_ += quote;
  characters(text, quote);
  out_ += quote;
}

void printer::quoted_bytes(std::string_view data, bool escape_single) {
  data = visible(data);
  auto quote = quote_for(data);
  out_ += 'b';
  out_ += quote;
  for (auto c : data) {
    bool plain = c >= 0x20 && c < 0x7f;
    if (c == '\\' || c == quote || (c == '\'' && escape_single)) out_ += '\\';
    if (plain) out_ += c;
    else append_escape(out_, static_cast<unsigned char>(c));
  }
  out_ += quote;
}

void printer::whole_number(const value& v) {
  if (auto small = v.as_int64()) {
    out_ += std::to_string(*small);
    return;
  }
  auto bytes = v.weight();
  // Each byte of an integer prints as more than two digits.
  auto shown = std::clamp<std::uint64_t>(limit_ / 2, quick_integer_bytes, brief_integer_bytes);
  if (limit_ != unlimited && bytes > shown) {
    out_ += "<int of " + std::to_string(bytes) + " bytes>";
    return;
  }
  digit_work_ += bytes * bytes; // cannot overflow, because repr() checks the weight first
  if (!too_many_digits()) out_ += v.as_integer().decimal();
}

void printer::sequence(std::string_view open, std::span<const value> items,
                       std::string_view close) {
  out_ += open;
  for (std::size_t i = 0; i < items.size() && !full(); ++i) {
    if (i > 0) out_ += ", ";
    print(items[i]);
  }
  out_ += close;
}

void printer::set(const value& v) {
  bool frozen = v.kind() == kind::frozenset;
  if (v.items().empty()) out_ += frozen ? "frozenset()" : "set()";
  else sequence(frozen ? "frozenset({" : "{", v.items(), frozen ? "})" : "}");
}

void printer::dict(std::span<const dict_entry> entries) {
  out_ += '{';
  for (std::size_t i = 0; i < entries.size() && !full(); ++i) {
    if (i > 0) out_ += ", ";
    print(entries[i].first);
    out_ += ": ";
    print(entries[i].second);
  }
  out_ += '}';
}

void printer::exception(const value& v) {
  auto type = v.exception_type();
  characters(visible(type.substr(type.rfind('.') + 1)), '\'');
  sequence("(", v.exception_args(), ")");
}

// Prints Python's repr() for classes of Python's library, and the parts of any other object. A
// function prints as a class, because its pickle looks alike.
void printer::object(const object_parts& o) {
  if (auto text = detail::standard_repr(o)) {
    out_ += visible(*text);
    return;
  }
  auto path = o.module + "." + o.name;
  if (o.made_by == construction::none) {
    out_ += "<class '";
    characters(visible(o.module == "builtins" ? o.name : path), '\'');
    out_ += "'>";
    return;
  }
  if (path == "collections.OrderedDict" && o.args.empty() && o.state.is_none())
    return ordered_dict(o.entries);
  if (auto text = detail::path_text(o)) {
    characters(o.name, '\'');
    out_ += '(';
    quoted(*text);
    out_ += ')';
    return;
  }
  out_ += '<';
  characters(visible(path), '\'');
  if (!o.args.empty()) sequence(" (", o.args, o.args.size() == 1 ? ",)" : ")");
  if (!o.items.empty()) sequence(" [", o.items, "]");
  if (!o.entries.empty()) {
    out_ += ' ';
    dict(o.entries);
  }
  if (!o.state.is_none()) {
    out_ += ' ';
    print(o.state);
  }
  out_ += '>';
}

void printer::ordered_dict(std::span<const dict_entry> entries) {
  out_ += "OrderedDict(";
  for (std::size_t i = 0; i < entries.size() && !full(); ++i) {
    out_ += i == 0 ? "[(" : ", (";
    print(entries[i].first);
    out_ += ", ";
    print(entries[i].second);
    out_ += ')';
  }
  out_ += entries.empty() ? ")" : "])";
}

void printer::print(const value& v) {
  switch (v.kind()) {
  case kind::none: out_ += "None"; break;
  case kind::boolean: out_ += v.as_bool() ? "True" : "False"; break;
  case kind::integer: whole_number(v); break;
  case kind::real: append_real(out_, v.as_real(), ".0"); break;
  case kind::complex: append_complex(out_, v.as_complex()); break;
  case kind::str: quoted(v.text()); break;
  case kind::bytes: quoted_bytes(v.data(), false); break;
  case kind::bytearray: // here CPython escapes a single quote even between double quotes
    out_ += "bytearray(";
    quoted_bytes(v.data(), true);
    out_ += ')';
    break;
  case kind::list: sequence("[", v.items(), "]"); break;
  case kind::tuple: sequence("(", v.items(), v.items().size() == 1 ? ",)" : ")"); break;
  case kind::dict: dict(v.entries()); break;
  case kind::set:
  case kind::frozenset: set(v); break;
  case kind::exception: exception(v); break;
  case kind::object: object(v.as_object()); break;
  }
}

} // namespace

result<std::string> repr(const value& v) {
  if (v.weight() > value::expansion_limit)
    return fail(errc::invalid,
                "the value is too large to print when its shared parts are expanded");
  printer p{unlimited};
  p.print(v);
  if (p.too_many_digits())
    return fail(errc::invalid, "the integers are too large to print in decimal");
  return std::move(p).take();
}

std::string brief(const value& v, std::size_t length) {
  printer p{std::min(length, unlimited - 1)};
  p.print(v);
  auto text = std::move(p).take();
  if (text.size() <= length) return text;
  auto dots = std::min<std::size_t>(length, 3), cut = length - dots;
  while (cut > 0 && (text[cut] & 0xc0) == 0x80) --cut; // does not split a character
  text.resize(cut);
  text.append(dots, '.');
  return text;
}

} // namespace patio
