/// The payload of a login, for tests that make wrong ones.
#pragma once

#include <string>

#include "broker_under_attack.hpp"

namespace patio::tests {

inline const std::string login_key = "secret";
inline const std::string login_salt = "salt";

/// An AUTH_REQUEST's payload of these three byte strings, right or wrong.
[[nodiscard]] inline std::string login_payload(const std::string& salt, const std::string& digest,
                                               const std::string& challenge) {
  return pickle_of(
    value::tuple({value::bytes(salt), value::bytes(digest), value::bytes(challenge)}));
}

} // namespace patio::tests
