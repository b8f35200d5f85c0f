#include <patio/protocol/access.hpp>

#include <doctest/doctest.h>

#include <random>

#include "seed.hpp"

using patio::access_rule;
using patio::matches;
using patio::named_key;

namespace {

/// Matches as access.hpp defines it, in exponential time.
bool matches_by_definition(std::string_view text, std::string_view pattern) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*')
    return matches_by_definition(text, pattern.substr(1))
           || (!text.empty() && matches_by_definition(text.substr(1), pattern));
  return !text.empty() && (pattern[0] == '?' || pattern[0] == text[0])
         && matches_by_definition(text.substr(1), pattern.substr(1));
}

std::string refusal(const patio::secret& own, const std::vector<named_key>& others) {
  auto ok = patio::check_keys(own, others);
  if (!ok) CHECK(ok.error().code == patio::errc::invalid);
  return ok ? "" : ok.error().message;
}

} // namespace

TEST_CASE("access: patterns match whole names") {
  CHECK(matches("", ""));
  CHECK(matches("", "*"));
  CHECK_FALSE(matches("", "?"));
  CHECK_FALSE(matches("a", ""));
  CHECK(matches("kv.get", "kv.get"));
  CHECK_FALSE(matches("kv.get", "kv.ge"));
  CHECK_FALSE(matches("kv.get", "v.get"));
  CHECK(matches("kv.get", "kv.*"));
  CHECK(matches("kv.", "kv.*"));
  CHECK_FALSE(matches("kvs", "kv.*"));
  CHECK(matches("kv.get", "*.get"));
  CHECK(matches("kv.get", "kv?get"));
  CHECK(matches("invoice_a_b", "invoice_*_b"));
  CHECK_FALSE(matches("invoice_a_bc", "invoice_*_b"));
  CHECK(matches("*", "?"));
  CHECK_FALSE(matches("MUL", "mul"));
  CHECK_FALSE(matches("a", "[a-z]"));
}

TEST_CASE("access: the result for random texts and patterns agrees with the definition") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  auto some = [&random](std::string_view letters) {
    std::string text(random() % 8, '\0');
    for (auto& c : text) c = letters[random() % letters.size()];
    return text;
  };
  int matched = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto text = some("ab"), pattern = some("ab*?");
    INFO(text << " " << pattern);
    REQUIRE(matches(text, pattern) == matches_by_definition(text, pattern));
    matched += matches(text, pattern);
  }
  CHECK(matched > 1'000);
}

TEST_CASE("access: the time for a pattern full of stars is bounded by the product of the lengths") {
  std::string pattern;
  for (int i = 0; i < 500; ++i) pattern += "a*";
  CHECK_FALSE(matches(std::string(10'000, 'a'), pattern + "b")); // the model above would not end
}

TEST_CASE("access: a rule is NAME:PATTERN") {
  CHECK(patio::parse_access_rule("billing:invoice_*") == access_rule{"billing", "invoice_*"});
  CHECK(patio::parse_access_rule("*:ping") == access_rule{"*", "ping"});
  CHECK(patio::parse_access_rule("a:b:c") == access_rule{"a", "b:c"});
  for (const auto* wrong : {"", "billing", ":", "billing:", ":ping"}) {
    auto rule = patio::parse_access_rule(wrong);
    REQUIRE_FALSE(rule);
    CHECK(rule.error().code == patio::errc::invalid);
    CHECK(rule.error().message
          == "a rule is NAME:PATTERN, e.g. billing:invoice_* or *:ping, not '" + std::string{wrong}
               + "'");
  }
}

TEST_CASE(
  "access: one matching rule permits a call, and without rules every peer may call everything") {
  using names = std::vector<std::string>;
  std::vector<access_rule> rules{{"*", "ping"}, {"billing", "invoice_*"}, {"admin", "*"}};
  CHECK(patio::may_call(rules, names{}, "ping"));
  CHECK_FALSE(patio::may_call(rules, names{}, "invoice_new"));
  CHECK(patio::may_call(rules, names{"billing"}, "invoice_new"));
  CHECK(patio::may_call(rules, names{"billing"}, "ping"));
  CHECK_FALSE(patio::may_call(rules, names{"billing"}, "shutdown"));
  CHECK(patio::may_call(rules, names{"other", "admin"}, "shutdown"));
  CHECK_FALSE(patio::may_call(rules, names{"Admin"}, "shutdown"));
  CHECK_FALSE(patio::may_call(rules, names{"adm*"},
                              "shutdown")); // neither a peer's name nor a rule's name is a pattern
  CHECK_FALSE(patio::may_call(std::vector<access_rule>{{"adm*", "f"}}, names{"admin"}, "f"));
  CHECK(patio::may_call({}, names{}, "shutdown"));
}

TEST_CASE("access: unusable and ambiguous keys are refused, and the error does not show the keys") {
  std::string longest(32, 'k'), too_long = longest + "k";
  CHECK(refusal({}, {}) == "");
  CHECK(refusal(longest, {{"a", "1"}, {"b", "2"}}) == "");
  CHECK(refusal({}, {{"a", "1"}, {"a", "2"}}) == ""); // the old key and the new key of one peer
  CHECK(refusal(too_long, {}) == "a key has at most 32 bytes, not 33");
  CHECK(refusal({}, {{"a", "1"}, {"b", too_long}}) == "a key has at most 32 bytes, not 33");
  CHECK(refusal(too_long, {{"a", "1"}}) == "a key has at most 32 bytes, not 33");
  CHECK(refusal({}, {{"a", ""}}) == "a named key needs a name and at least one byte");
  CHECK(refusal({}, {{"", "1"}}) == "a named key needs a name and at least one byte");
  CHECK(refusal("1", {{"a", "1"}}) == "the key of 'a' occurs twice: all keys must be different");
  CHECK(refusal({}, {{"a", "same"}, {"b", "same"}})
        == "the key of 'b' occurs twice: all keys must be different");
}
