/// BLAKE2s, base64 and random bytes, as patio's login and strict names use them. Free functions
/// without state of their own; any thread.
#pragma once

#include <string>
#include <string_view>

namespace patio {

/// Returns the digest, 32 bytes. The key has 0 to 32 bytes and the salt 0 to 8 bytes; both are
/// padded with zeros, as in Python's hashlib. A longer key or salt throws std::invalid_argument.
[[nodiscard]] std::string blake2s(std::string_view data, std::string_view key,
                                  std::string_view salt);

/// Returns base64 in the standard alphabet, without padding.
[[nodiscard]] std::string base64(std::string_view bytes);

/// Compares two texts. The time depends on their length, which is not secret, but not on the place
/// of the first difference.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// Returns bytes from a cryptographic random generator. Throws std::runtime_error if it fails.
[[nodiscard]] std::string random_bytes(std::size_t count);

} // namespace patio
