/// Login keys, and rules that say which peer may call which function. The types are value types.
/// The functions have no state and run on any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/secret.hpp>
#include <patio/value/error.hpp>

namespace PATIO_API patio {

/// An additional login key. A peer that logs in with this key is known by the key's name.
struct named_key {
  std::string name;
  secret key;
};

/// Allows a peer to call functions. A peer has the name of the key that it logged in with, and the
/// names in its verified TLS certificate.
struct access_rule {
  std::string who;       ///< one of the peer's names; "*" means every peer, with or without a name
  std::string functions; ///< a pattern for function names, see `matches`
  friend bool operator==(const access_rule&, const access_rule&) = default;
};

/// Fails with errc::invalid if the login cannot use a key, or cannot tell two keys apart.
[[nodiscard]] result<void> check_keys(const secret& own, std::span<const named_key> others);

/// Parses "NAME:PATTERN". Fails with errc::invalid; the message describes valid input.
[[nodiscard]] result<access_rule> parse_access_rule(std::string_view text);

/// True if a rule allows a peer with these names to call the function. If there are no rules, every
/// peer may call every function.
[[nodiscard]] bool may_call(std::span<const access_rule> rules, std::span<const std::string> names,
                            std::string_view function);

/// In a pattern, * matches any characters and ? matches one character. The number of steps is at
/// most the product of both lengths.
[[nodiscard]] bool matches(std::string_view text, std::string_view pattern) noexcept;

} // namespace patio
