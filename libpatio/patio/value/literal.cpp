#include <patio/value/literal.hpp>

#include <array>
#include <optional>

#include <patio/base/utf8.hpp>
#include <patio/value/literal_cursor.hpp>

namespace patio {
namespace {

using detail::literal_cursor;

class parser {
public:
  explicit parser(std::string_view text) : in_{text} {}

  detail::reading whole() {
    value out;
    bool read = item(out);
    if (read) in_.skip_space();
    if (read && !in_.at_end()) read = in_.fail("the end");
    if (read && !in_.refused()) return {std::move(out)};
    return {tl::unexpected<error>(in_.failure()), read || too_deep_};
  }

private:
  bool item(value& out);
  bool name(value& out);
  bool call(std::string_view function, value& out);
  bool items(char close, std::vector<value>& out, bool& comma);
  bool parenthesis(value& out);
  bool list(value& out);
  bool braces(value& out);
  bool set(value first, std::size_t first_offset, value& out);
  bool dict(value first, std::size_t first_offset, value& out);
  bool separator(char close, bool& more);
  bool check_hashable(const value& v, std::size_t offset, std::string_view expected);

  literal_cursor in_;
  unsigned open_ = 0;
  bool too_deep_ = false;
};

bool parser::item(value& out) {
  in_.skip_space();
  if (detail::starts_string(in_)) return read_strings(in_, out);
  if (detail::starts_number(in_)) return read_number(in_, out);
  auto c = in_.peek();
  if (c != '(' && c != '[' && c != '{') return name(out);
  if (open_ == value::max_depth) {
    too_deep_ = true; // the rest of the text stays unread
    return in_.fail("at most " + std::to_string(value::max_depth) + " open brackets");
  }
  ++open_;
  in_.advance();
  bool read = c == '(' ? parenthesis(out) : c == '[' ? list(out) : braces(out);
  --open_;
  return read;
}

/// Reads "," or the closing bracket after an item. Sets `more` to true if another item follows.
bool parser::separator(char close, bool& more) {
  in_.skip_space();
  more = in_.take(',');
  in_.skip_space();
  if (in_.take(close)) more = false;
  else if (!more) return in_.fail(std::string{"',' or '"} + close + "'");
  return true;
}

/// Reads items up to the closing bracket, inclusive. Sets `comma` to true if a comma follows the
/// last item.
bool parser::items(char close, std::vector<value>& out, bool& comma) {
  in_.skip_space();
  for (bool more = !in_.take(close); more;) {
    if (!item(out.emplace_back())) return false;
    in_.skip_space();
    comma = in_.peek() == ',';
    if (!separator(close, more)) return false;
  }
  return true;
}

bool parser::parenthesis(value& out) {
  std::vector<value> found;
  bool comma = false;
  if (!items(')', found, comma)) return false;
  out = found.size() == 1 && !comma ? std::move(found.front()) : value::tuple(std::move(found));
  return true;
}

bool parser::list(value& out) {
  std::vector<value> found;
  bool comma = false;
  if (!items(']', found, comma)) return false;
  out = value::list(std::move(found));
  return true;
}

bool parser::check_hashable(const value& v, std::size_t offset, std::string_view expected) {
  return hashable(v)
         || in_.fail(offset, expected, "an unhashable " + std::string{type_name(v.kind())});
}

bool parser::braces(value& out) {
  in_.skip_space();
  if (in_.take('}')) {
    out = value::dict({});
    return true;
  }
  auto offset = in_.offset();
  value first;
  if (!item(first)) return false;
  in_.skip_space();
  return in_.peek() == ':' ? dict(std::move(first), offset, out)
                           : set(std::move(first), offset, out);
}

bool parser::set(value first, std::size_t first_offset, value& out) {
  std::vector<value> found{std::move(first)};
  auto offset = first_offset;
  for (bool more = true; more;) {
    if (!check_hashable(found.back(), offset, "a hashable set item") || !separator('}', more))
      return false;
    offset = in_.offset();
    if (more && !item(found.emplace_back())) return false;
  }
  out = value::set(std::move(found));
  return true;
}

bool parser::dict(value first, std::size_t first_offset, value& out) {
  std::vector<dict_entry> found;
  found.emplace_back(std::move(first), value{});
  auto offset = first_offset;
  for (bool more = true; more;) {
    if (!check_hashable(found.back().first, offset, "a hashable dict key")) return false;
    in_.skip_space();
    if (!in_.take(':')) return in_.fail("':'");
    if (!item(found.back().second) || !separator('}', more)) return false;
    offset = in_.offset();
    if (more && !item(found.emplace_back().first)) return false;
  }
  detail::refuse_repeated_name(in_, first_offset, found);
  out = value::dict(std::move(found));
  return true;
}

struct constant {
  std::string_view name;
  value (*make)();
};
constexpr std::array constants{
  constant{"None", [] { return value{}; }},       constant{"True", [] { return value{true}; }},
  constant{"False", [] { return value{false}; }}, constant{"null", [] { return value{}; }},
  constant{"true", [] { return value{true}; }},   constant{"false", [] { return value{false}; }},
};

bool parser::name(value& out) {
  auto word = in_.word();
  for (const auto& c : constants) {
    if (c.name != word) continue;
    in_.advance(word.size());
    out = c.make();
    return true;
  }
  auto call_at = in_;
  call_at.advance(word.size());
  call_at.skip_space();
  if ((word != "set" && word != "frozenset" && word != "bytearray") || !call_at.take('('))
    return in_.fail("a value");
  in_ = call_at;
  return call(word, out);
}

/// Reads the argument and the closing parenthesis of set(), frozenset(...) or bytearray(b'...').
bool parser::call(std::string_view function, value& out) {
  in_.skip_space();
  auto offset = in_.offset();
  value argument = value::set({});
  if (function == "bytearray" || (function == "frozenset" && in_.peek() != ')')) {
    if (!item(argument)) return false;
    in_.skip_space();
  }
  if (!in_.take(')')) return in_.fail("')'");
  auto k = argument.kind();
  if (function == "bytearray") {
    if (k != kind::bytes) return in_.fail(offset, "bytes", std::string{type_name(k)});
    out = value::bytearray(argument.data());
  } else if (function == "set") {
    out = std::move(argument);
  } else {
    if (k != kind::set && k != kind::list && k != kind::tuple)
      return in_.fail(offset, "a set", std::string{type_name(k)});
    std::vector<value> found{argument.items().begin(), argument.items().end()};
    for (const auto& v : found)
      if (!check_hashable(v, offset, "hashable items")) return false;
    out = value::frozenset(std::move(found));
  }
  return true;
}

/// Returns the offset of the first byte that is not UTF-8 or that begins a surrogate.
std::optional<std::size_t> first_bad_byte(std::string_view text) {
  for (std::size_t offset = 0; offset < text.size();) {
    auto [c, size] = decode_utf8(text.substr(offset));
    if (size == 0 || is_surrogate(c)) return offset;
    offset += size;
  }
  return {};
}

} // namespace

detail::reading detail::read_literal(std::string_view text) { return parser{text}.whole(); }

namespace {

detail::reading read_value(std::string_view text) {
  auto json = detail::read_json(text);
  return json.outcome || json.refused ? std::move(json) : detail::read_literal(text);
}

} // namespace

result<value> parse_literal(std::string_view text) { return detail::read_literal(text).outcome; }

result<value> parse_value(std::string_view text) { return read_value(text).outcome; }

result<value> parse_word(std::string_view word) {
  auto read = read_value(word);
  if (read.outcome || read.refused) return std::move(read.outcome);
  if (auto bad = first_bad_byte(word)) {
    literal_cursor in{word};
    in.fail(*bad, "UTF-8");
    return tl::unexpected<error>(in.failure());
  }
  return value{word};
}

} // namespace patio
