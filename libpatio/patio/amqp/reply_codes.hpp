/// The reply codes of AMQP 0-9-1 with which a side closes a channel or a connection.
#pragma once

#include <cstdint>

namespace patio::amqp {

inline constexpr std::uint16_t normally_closed = 200;
inline constexpr std::uint16_t access_refused = 403;
inline constexpr std::uint16_t not_found = 404;
inline constexpr std::uint16_t resource_locked = 405;
inline constexpr std::uint16_t precondition_failed = 406;
inline constexpr std::uint16_t frame_error = 501;
inline constexpr std::uint16_t unexpected_frame = 505;
inline constexpr std::uint16_t not_allowed = 530;

} // namespace patio::amqp
