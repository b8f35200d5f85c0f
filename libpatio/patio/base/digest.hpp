/// BLAKE2s, base64 and random bytes for patio's login and strict names. The functions have no
/// state, and any thread may call them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>

namespace PATIO_INTERNAL_API patio {

/// Returns the digest of 32 bytes. The key has 0 to 32 bytes and the salt 0 to 8 bytes. The
/// function pads both with zeros, as Python's hashlib does. Throws std::invalid_argument for a
/// longer key or salt.
[[nodiscard]] std::string blake2s(std::string_view data, std::string_view key,
                                  std::string_view salt);

/// Encodes bytes as base64 in the standard alphabet, without padding.
[[nodiscard]] std::string base64(std::string_view bytes);

/// Compares two texts in a time that does not depend on their content. The time depends on their
/// lengths, which are not secret.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// Returns bytes from a cryptographic random generator. Throws std::runtime_error if it fails.
[[nodiscard]] std::string random_bytes(std::size_t count);

/// Returns a seed for a pseudorandom generator, from random_bytes().
[[nodiscard]] std::uint64_t random_seed();

} // namespace patio
