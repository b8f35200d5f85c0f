/// Payloads of AUTH_DIGEST and AUTH_REQUEST. libpatio/README.md describes the login. Before the
/// login succeeds, nothing but a tuple of three byte strings is decoded. These functions have no
/// state; the caller passes in the random bytes.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>
#include <patio/base/secret.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

/// Number of random bytes from the server, new for each connection.
inline constexpr std::size_t token_size = 16;
/// Number of random bytes from the client, new for each login.
inline constexpr std::size_t salt_size = 4;
inline constexpr std::size_t longest_key = 32; ///< bytes

/// Returns the AUTH_DIGEST payload for a token.
[[nodiscard]] std::string login_challenge(std::string_view token);

/// Returns the AUTH_REQUEST payload with which a client answers a challenge. The client does not
/// decode the challenge.
[[nodiscard]] std::string login_answer(std::string_view challenge, std::string_view key,
                                       std::string_view salt);

/// Returns the index of the key that `answer` proves for this challenge. The execution time does
/// not reveal which key matches. The error text is for the server's log; the peer does not get the
/// text.
[[nodiscard]] result<std::size_t> check_login(std::string_view answer, std::string_view challenge,
                                              std::span<const secret> keys);

/// Checks the answer against a single key.
[[nodiscard]] inline result<std::size_t>
check_login(std::string_view answer, std::string_view challenge, const secret& key) {
  return check_login(answer, challenge, {&key, 1});
}

/// Fails with errc::invalid if BLAKE2s cannot use the key.
PATIO_INTERNAL_API [[nodiscard]] result<void> check_key(std::string_view key);

} // namespace patio::protocol
