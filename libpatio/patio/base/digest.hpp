/// BLAKE2s as patio's login and strict names use it.
#pragma once

#include <string>
#include <string_view>

namespace patio {

/// 32 bytes. The key has 0 to 32 bytes, the salt 0 to 8, zero-padded as Python's hashlib does; more
/// throws std::invalid_argument.
[[nodiscard]] std::string blake2s(std::string_view data, std::string_view key,
                                  std::string_view salt);

/// Standard alphabet without padding.
[[nodiscard]] std::string base64(std::string_view bytes);

/// Without a timing difference that depends on where they differ; lengths are not secret.
[[nodiscard]] bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept;

/// From the operating system's generator; throws std::runtime_error if that fails.
[[nodiscard]] std::string random_bytes(std::size_t count);

} // namespace patio
