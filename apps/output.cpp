#include "output.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <unordered_map>

#include <patio/base/printable.hpp>
#include <patio/base/utf8.hpp>
#include <patio/value/repr.hpp>

#include "exit_code.hpp"

namespace patio::apps {
namespace {

using json = nlohmann::ordered_json;

/// `detail` says which values of the type have no JSON form. It is empty if no value of the type
/// has a JSON form.
error no_json_form(const value& v, const char* detail) {
  return {errc::invalid,
          "a value of type " + std::string{type_name(v.kind())} + detail
            + " has no JSON form: leave out --json to print it as a Python literal",
          {}};
}

/// True if the text of a value has no lone surrogates. Apart from these, the text is UTF-8.
bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\xed' && static_cast<unsigned char>(text[i + 1]) >= 0xa0) return false;
  return true;
}

/// True if every character is printable. Then the text has no control characters (C0 or C1), no
/// change of the writing direction and no lone surrogates, and a terminal may print the text.
bool is_plain(std::string_view text) {
  while (!text.empty()) {
    auto [c, size] = decode_utf8(text);
    if (size == 0 || !is_printable(c)) return false;
    text.remove_prefix(size);
  }
  return true;
}

result<json> array(std::span<const value> items) {
  auto all = json::array();
  for (const auto& item : items) {
    auto j = to_json(item);
    if (!j) return j;
    all.push_back(std::move(*j));
  }
  return all;
}

result<json> object(const value& dict) {
  auto all = json::object();
  auto& members = all.get_ref<json::object_t&>();
  // A search for each name among the members would take quadratic time.
  std::unordered_map<std::string, std::size_t> places;
  for (const auto& [key, mapped] : dict.entries()) {
    auto j = to_json(mapped);
    if (!j) return j;
    auto name = key.is_text() ? result<std::string>{std::string{key.text()}} : repr(key);
    if (!name) return tl::unexpected(std::move(name.error()));
    if (!is_utf8(*name)) return tl::unexpected(no_json_form(key, " with lone surrogates"));
    auto [at, is_new] = places.try_emplace(*name, members.size());
    auto place = static_cast<std::ptrdiff_t>(at->second);
    if (is_new) members.push_back({std::move(*name), std::move(*j)});
    else members.begin()[place].second = std::move(*j); // the keys 1 and "1" have the same name
  }
  return all;
}

} // namespace

result<json> to_json(const value& v) {
  if (v.weight() > value::expansion_limit)
    return fail(errc::invalid, "the value is too large to print as JSON");
  switch (v.kind()) {
  case kind::none: return json(nullptr);
  case kind::boolean: return json(v.as_bool());
  case kind::integer:
    if (auto i = v.as_int64()) return json(*i);
    return tl::unexpected(no_json_form(v, " beyond 64 bits"));
  case kind::real:
    if (std::isfinite(v.as_real())) return json(v.as_real());
    return tl::unexpected(no_json_form(v, " that is NaN or infinite"));
  case kind::str:
    if (is_utf8(v.text())) return json(v.text());
    return tl::unexpected(no_json_form(v, " with lone surrogates"));
  case kind::list:
  case kind::tuple:
  case kind::set:
  case kind::frozenset: return array(v.items());
  case kind::dict: return object(v);
  default: return tl::unexpected(no_json_form(v, ""));
  }
}

int print(const value& v, bool as_json) {
  if (as_json) {
    auto j = to_json(v);
    if (!j) return report(j.error());
    auto text = j->dump();
    std::cout << (is_plain(text) ? text : j->dump(-1, ' ', true)) << std::endl;
    return ok;
  }
  auto text = repr(v);
  if (!text) return report(text.error());
  std::cout << *text << std::endl;
  return ok;
}

std::string displayable(std::string_view text) {
  return is_plain(text) ? std::string{text} : brief(value{text}, 4096);
}

} // namespace patio::apps
