/// Who may log in with which key, and who may call what. Value types, no state, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/secret.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// A key beside the node's own, by which those who log in with it are known.
struct named_key {
  std::string name;
  secret key;
};

/// Lets a peer call functions. A peer is known by the name of the key it logged in with, and by the
/// names in the TLS certificate that it proved.
struct access_rule {
  std::string who; ///< one of the peer's names; "*" is everybody, those without a name included
  std::string functions; ///< a name, in which * stands for any characters and ? for one
  friend bool operator==(const access_rule&, const access_rule&) = default;
};

/// Fails with errc::invalid for keys that the login cannot use or that cannot be told apart.
[[nodiscard]] result<void> check_keys(const secret& own, std::span<const named_key> others);

/// "NAME:PATTERN". Fails with errc::invalid, saying what would be right.
[[nodiscard]] result<access_rule> parse_access_rule(std::string_view text);

/// Whether one of the rules lets a peer of these names call the function; without rules, everybody
/// may call everything.
[[nodiscard]] bool may_call(std::span<const access_rule> rules, std::span<const std::string> names,
                            std::string_view function);

/// * stands for any characters, ? for one. Takes at most the product of both lengths in steps.
[[nodiscard]] bool matches(std::string_view text, std::string_view pattern) noexcept;

} // namespace patio
