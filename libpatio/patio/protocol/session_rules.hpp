/// Checks which packets are lawful in each state, according to the table in libpatio/README.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <patio/protocol/frame.hpp>
#include <patio/protocol/session.hpp>

namespace patio::protocol {

/// Number of bytes of an unknown packet that the error message shows.
inline constexpr std::size_t snippet_bytes = 32;

/// Returns the reason why this packet is unlawful now, or nothing if the packet is lawful. `reader`
/// holds the beginning of the frame.
[[nodiscard]] std::optional<std::string> why_unlawful(const frame_header& header,
                                                      enum session::state now, packet login_expects,
                                                      const extensions& ours,
                                                      const frame_reader& reader);

} // namespace patio::protocol
