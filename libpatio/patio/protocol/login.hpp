/// The login of wire.md: payloads of AUTH_DIGEST and AUTH_REQUEST. Nothing but a tuple of three
/// byte strings is decoded before it has succeeded. No state; randomness is passed in.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <patio/base/secret.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

inline constexpr std::size_t token_size = 16; ///< random bytes a server draws for each connection
inline constexpr std::size_t salt_size = 4;   ///< random bytes a client draws for each login
inline constexpr std::size_t longest_key = 32;

/// The AUTH_DIGEST payload for a token.
[[nodiscard]] std::string login_challenge(std::string_view token);

/// The AUTH_REQUEST payload by which a client answers a challenge, whose bytes it does not look
/// into.
[[nodiscard]] std::string login_answer(std::string_view challenge, std::string_view key,
                                       std::string_view salt);

/// Which of the keys `answer` proves for exactly this challenge, taking as long whichever it is.
/// The text of the error is for the server's log; the peer is told nothing.
[[nodiscard]] result<std::size_t> check_login(std::string_view answer, std::string_view challenge,
                                              std::span<const secret> keys);

/// The same for one key.
[[nodiscard]] inline result<std::size_t>
check_login(std::string_view answer, std::string_view challenge, const secret& key) {
  return check_login(answer, challenge, {&key, 1});
}

/// errc::invalid for a key that BLAKE2s cannot take.
[[nodiscard]] result<void> check_key(std::string_view key);

} // namespace patio::protocol
