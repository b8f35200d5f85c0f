/// The content of a message: a header frame with properties, and body frames. Texts in properties
/// are views, as in method.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <patio/amqp/method.hpp>

namespace patio::amqp {

/// The properties of a message. A property without a value is absent.
struct properties {
  std::optional<std::string_view> content_type = {}, content_encoding = {};
  std::optional<std::string_view> headers = {}; ///< an encoded table (table.hpp)
  std::optional<std::uint8_t> delivery_mode = {}, priority = {};
  std::optional<std::string_view> correlation_id = {}, reply_to = {}, expiration = {},
                                  message_id = {};
  std::optional<std::uint64_t> timestamp = {}; ///< seconds since 1970
  std::optional<std::string_view> type = {}, user_id = {}, app_id = {}, cluster_id = {};
  friend bool operator==(const properties&, const properties&) = default;
};

struct content_header {
  std::uint64_t body_size = 0;
  amqp::properties properties = {};
};

/// Reads the payload of a header frame. Fails with errc::protocol.
[[nodiscard]] result<content_header> read_content_header(std::string_view payload);

/// Appends the frames of a message's content: its header, and its body in frames of at most
/// `max_frame` bytes. Throws std::length_error for a short string of more than 255 bytes.
void put_content(std::string& out, channel_number channel, const properties& p,
                 std::string_view body, std::size_t max_frame);

} // namespace patio::amqp
