/// Makes login payloads, right and wrong.
#pragma once

#include <string>

#include "broker_under_attack.hpp"

namespace patio::tests {

inline const std::string login_key = "secret";
inline const std::string login_salt = "salt";

/// Returns an AUTH_REQUEST's payload with these three byte strings.
[[nodiscard]] inline std::string login_payload(const std::string& salt, const std::string& digest,
                                               const std::string& challenge) {
  return pickle_of(
    value::tuple({value::bytes(salt), value::bytes(digest), value::bytes(challenge)}));
}

} // namespace patio::tests
