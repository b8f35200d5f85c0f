#include "output.hpp"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <patio/repr.hpp>

#include "exit_code.hpp"

namespace patio::apps {
namespace {

using json = nlohmann::ordered_json;

error no_json(const value& v, const char* why) {
  return {errc::invalid, std::string{type_name(v.kind())} + " has no JSON form" + why + ": leave --json out", {}};
}

bool is_utf8(std::string_view text) { // in a value only lone surrogates can be wrong
  for (std::size_t i = 0; i + 1 < text.size(); ++i)
    if (text[i] == '\xed' && static_cast<unsigned char>(text[i + 1]) >= 0xa0) return false;
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
  for (const auto& [key, mapped] : dict.entries()) {
    auto j = to_json(mapped);
    if (!j) return j;
    auto name = key.is_text() ? result<std::string>{std::string{key.text()}} : repr(key);
    if (!name) return tl::unexpected(std::move(name.error()));
    if (!is_utf8(*name)) return tl::unexpected(no_json(key, " with lone surrogates"));
    all[*name] = std::move(*j);
  }
  return all;
}

} // namespace

result<json> to_json(const value& v) {
  if (v.weight() > value::expansion_limit) return fail(errc::invalid, "the value is too large to print");
  switch (v.kind()) {
  case kind::none: return json(nullptr);
  case kind::boolean: return json(v.as_bool());
  case kind::integer:
    if (auto i = v.as_int64()) return json(*i);
    return tl::unexpected(no_json(v, " beyond 64 bits"));
  case kind::real:
    if (std::isfinite(v.as_real())) return json(v.as_real());
    return tl::unexpected(no_json(v, " if it is NaN or infinite"));
  case kind::str:
    if (is_utf8(v.text())) return json(v.text());
    return tl::unexpected(no_json(v, " with lone surrogates"));
  case kind::list:
  case kind::tuple:
  case kind::set:
  case kind::frozenset: return array(v.items());
  case kind::dict: return object(v);
  default: return tl::unexpected(no_json(v, ""));
  }
}

int print(const value& v, bool as_json) {
  if (as_json) {
    auto j = to_json(v);
    if (!j) return report(j.error());
    std::cout << j->dump() << std::endl;
    return ok;
  }
  auto text = repr(v);
  if (!text) return report(text.error());
  std::cout << *text << std::endl;
  return ok;
}

std::string displayable(std::string_view text) {
  auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  bool plain = is_utf8(text) && std::none_of(text.begin(), text.end(), is_control);
  return plain ? std::string{text} : brief(value{text}, 4096);
}

} // namespace patio::apps
