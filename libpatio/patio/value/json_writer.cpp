#include <patio/value/json.hpp>

#include <cmath>
#include <unordered_set>

#include <patio/base/printable.hpp>
#include <patio/base/utf8.hpp>
#include <patio/value/repr.hpp>

namespace patio {
namespace {

void append_unit(std::string& out, char32_t unit) {
  out += "\\u";
  append_hex(out, unit, 4);
}

void append_character(std::string& out, char32_t c) {
  static constexpr std::string_view special = "\"\\\b\f\n\r\t", letters = "\"\\bfnrt";
  auto i = c < 0x80 ? special.find(static_cast<char>(c)) : std::string_view::npos;
  if (i != std::string_view::npos) {
    out += '\\';
    out += letters[i];
  } else if (c >= 0x20 && c < 0x7f) {
    out += static_cast<char>(c);
  } else if (c < 0x10000) {
    append_unit(out, c);
  } else {
    append_unit(out, 0xd800 + ((c - 0x10000) >> 10));
    append_unit(out, 0xdc00 + ((c - 0x10000) & 0x3ff));
  }
}

/// True if a high and a low surrogate follow one another as two characters.
bool has_split_pair(std::string_view text) {
  char32_t before = 0;
  while (!text.empty()) {
    auto [c, size] = decode_utf8(text);
    if (before >= 0xd800 && before < 0xdc00 && c >= 0xdc00 && c < 0xe000) return true;
    before = c;
    text.remove_prefix(size);
  }
  return false;
}

error no_form(std::string_view what) {
  return {errc::invalid, std::string{what} + " has no JSON form", {}};
}

class json_writer {
public:
  // Recursion is bounded: no value is deeper than value::max_depth.
  result<void> write(const value& v);
  [[nodiscard]] std::string take() && { return std::move(out_); }

private:
  result<void> array(std::span<const value> items);
  result<void> object(std::span<const dict_entry> entries);
  result<void> text(std::string_view text);
  result<void> number(const value& v);
  result<std::string> name(const value& key);

  std::string out_;
  std::uint64_t digit_work_ = 0;
};

result<void> json_writer::write(const value& v) {
  switch (v.kind()) {
  case kind::none: out_ += "null"; return {};
  case kind::boolean: out_ += v.as_bool() ? "true" : "false"; return {};
  case kind::integer:
  case kind::real: return number(v);
  case kind::str: return text(v.text());
  case kind::list:
  case kind::tuple: return array(v.items());
  case kind::dict: return object(v.entries());
  default: return tl::unexpected(no_form("a value of type " + std::string{type_name(v.kind())}));
  }
}

result<void> json_writer::number(const value& v) {
  if (v.kind() == kind::real && !std::isfinite(v.as_real()))
    return tl::unexpected(no_form("a float that is NaN or infinite"));
  if (v.kind() == kind::integer) digit_work_ += v.weight() * v.weight();
  if (digit_work_ > max_digit_work)
    return fail(errc::invalid, "integers too large to print in decimal");
  auto digits = repr(v);
  if (!digits) return tl::unexpected(std::move(digits.error()));
  out_ += *digits;
  return {};
}

result<void> json_writer::text(std::string_view text) {
  if (!is_ascii(text) && has_split_pair(text))
    return tl::unexpected(no_form("a str with a high and a low surrogate as two characters"));
  out_ += quote_json(text);
  return {};
}

result<void> json_writer::array(std::span<const value> items) {
  out_ += '[';
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out_ += ", ";
    if (auto written = write(items[i]); !written) return written;
  }
  out_ += ']';
  return {};
}

/// Returns the name that a key has in JSON, with its quotes.
result<std::string> json_writer::name(const value& key) {
  json_writer writer;
  writer.digit_work_ = digit_work_;
  if (key.is_container() || key.kind() == kind::bytes || key.kind() == kind::complex)
    return tl::unexpected(no_form("a key of type " + std::string{type_name(key.kind())}));
  if (auto written = writer.write(key); !written) return tl::unexpected(std::move(written.error()));
  digit_work_ = writer.digit_work_;
  return key.is_text() ? std::move(writer.out_) : '"' + writer.out_ + '"';
}

result<void> json_writer::object(std::span<const dict_entry> entries) {
  std::unordered_set<std::string> names;
  out_ += '{';
  for (std::size_t i = 0; i < entries.size(); ++i) {
    auto own = name(entries[i].first);
    if (!own) return tl::unexpected(std::move(own.error()));
    if (i > 0) out_ += ", ";
    out_ += *own + ": ";
    if (!names.insert(*own).second)
      return tl::unexpected(no_form("a dict with two keys of the name " + *own));
    if (auto written = write(entries[i].second); !written) return written;
  }
  out_ += '}';
  return {};
}

} // namespace

result<std::string> to_json(const value& v) {
  if (v.weight() > value::expansion_limit)
    return fail(errc::invalid, "a value too large to print with shared parts written out");
  json_writer writer;
  if (auto written = writer.write(v); !written) return tl::unexpected(std::move(written.error()));
  return std::move(writer).take();
}

std::string quote_json(std::string_view text) {
  std::string out = "\"";
  while (!text.empty()) {
    auto [c, size] = decode_utf8(text);
    append_character(out, size == 0 ? U'\ufffd' : c);
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out + '"';
}

} // namespace patio
