/// Which packets are lawful in which state, as the table in libpatio/README.md has them. No state.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <patio/protocol/frame.hpp>
#include <patio/protocol/session.hpp>

namespace patio::protocol {

/// The bytes of an unknown packet that its error shows.
inline constexpr std::size_t snippet_bytes = 32;

/// The reason why a packet of this type must not come now, if there is one. `head` is the beginning
/// of the frame.
[[nodiscard]] std::optional<std::string> why_unlawful(const frame_header& header,
                                                      enum session::state now, packet login_expects,
                                                      const extensions& ours,
                                                      const frame_reader& reader);

} // namespace patio::protocol
