#include <patio/protocol/access.hpp>

#include <algorithm>
#include <set>

#include <patio/protocol/login.hpp>
#include <patio/value/repr.hpp>

namespace patio {

result<void> check_keys(const secret& own, std::span<const named_key> others) {
  std::set<std::string_view> seen{own.view()};
  auto ok = protocol::check_key(own.view());
  for (const auto& [name, key] : others) {
    if (ok) ok = protocol::check_key(key.view());
    if (!ok) return ok;
    if (name.empty() || key.empty())
      return fail(errc::invalid, "a named key needs a name and at least one byte");
    if (!seen.insert(key.view()).second)
      return fail(errc::invalid,
                  "the key of " + quoted(name) + " occurs twice: all keys must be different");
  }
  return ok;
}

result<access_rule> parse_access_rule(std::string_view text) {
  auto colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size())
    return fail(errc::invalid,
                "a rule is NAME:PATTERN, e.g. billing:invoice_* or *:ping, not " + quoted(text));
  return access_rule{std::string{text.substr(0, colon)}, std::string{text.substr(colon + 1)}};
}

bool may_call(std::span<const access_rule> rules, std::span<const std::string> names,
              std::string_view function) {
  auto applies = [&](const access_rule& rule) {
    return (rule.who == "*" || std::ranges::find(names, rule.who) != names.end())
           && matches(function, rule.functions);
  };
  return rules.empty() || std::ranges::any_of(rules, applies);
}

// On a mismatch, backtracks to the last star. An earlier star never needs another try.
bool matches(std::string_view text, std::string_view pattern) noexcept {
  std::size_t t = 0, p = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') star = p++, star_text = t;
    else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) ++p, ++t;
    else if (star == std::string_view::npos) return false;
    else p = star + 1, t = ++star_text;
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

} // namespace patio
