/// Frames of AMQP 0-9-1: a type (uint8), a channel (uint16), a size (uint32), the payload, and the
/// byte 0xCE.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio::amqp {

using channel_number = std::uint16_t;

/// The first bytes of a connection, from the client.
inline constexpr std::string_view protocol_header{"AMQP\0\0\x09\x01", 8};

/// Never renumber: these are the numbers of the protocol.
enum class frame_type : std::uint8_t { method = 1, header = 2, body = 3, heartbeat = 8 };

struct frame {
  frame_type type{};
  channel_number channel = 0;
  std::string_view payload; ///< valid until the next call of the reader
};

/// The bytes of a frame in addition to its payload.
inline constexpr std::size_t frame_overhead = 8;

/// Splits a stream into frames. The stream may arrive in pieces of any size. The reader does not
/// copy a frame that lies within one piece, and reserves no memory for bytes that have not arrived.
class frame_reader {
public:
  /// A longer frame is an error. Counts the whole frame, as frame_max of Connection.Tune does.
  explicit frame_reader(std::size_t max_frame) noexcept : max_frame_{max_frame} {}
  void set_max_frame(std::size_t bytes) noexcept { max_frame_ = bytes; }

  /// The bytes must stay valid until next() has returned nothing.
  void feed(std::string_view bytes);
  /// Returns the next whole frame, or nothing if more bytes are needed. Fails with errc::protocol;
  /// the stream cannot be read any further then.
  [[nodiscard]] result<std::optional<frame>> next();
  /// Copies the unread rest of the current piece, because the caller owns the memory of that piece.
  void keep_rest();
  [[nodiscard]] bool is_within_frame() const noexcept { return available() > 0; }

private:
  [[nodiscard]] std::size_t available() const noexcept {
    return buffer_.size() - consumed_ + input_.size();
  }
  [[nodiscard]] std::string_view peek(std::size_t n);
  void skip(std::size_t n);

  std::string buffer_;       ///< bytes of earlier pieces that do not form a whole frame yet
  std::size_t consumed_ = 0; ///< bytes at the start of buffer_ that are already used
  std::string_view input_;   ///< the unread rest of the current piece
  std::size_t max_frame_;
};

/// Appends one frame to `out`. The constructor writes the header, the caller appends the payload to
/// `out`, and the destructor fills in the size and writes the end.
class frame_writer {
public:
  frame_writer(std::string& out, frame_type type, channel_number channel);
  ~frame_writer();
  frame_writer(const frame_writer&) = delete;
  frame_writer& operator=(const frame_writer&) = delete;

private:
  std::string& out_;
  std::size_t begin_;
};

} // namespace patio::amqp
