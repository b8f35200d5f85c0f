/// Reads and writes the frames of the wire protocol. A frame is a type (int8), a payload size
/// (uint32), a serial (uint32), all big endian, and then the payload. libpatio/README.md shows the
/// layout as a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patio::protocol {

/// Do not renumber: deployed Python patio 0.1.4 peers use these numbers.
enum class packet : std::int8_t {
  auth_digest = 0,
  auth_request = 1,
  auth_response = 2, ///< defined by Python patio, but never sent
  auth_ok = 3,
  discover_request = 5,
  discover_response = 6,
  request = 10,
  response = 20,
  error = 30,
  // Packets of extensions (extensions.hpp). Only a peer that has announced an extension gets them.
  // No number is a letter of ASCII, with which HTTP and other protocols begin.
  cancel = 40,      ///< the caller has given up the REQUEST with this serial
  describe = 45,    ///< asks what functions do, by their names
  description = 46, ///< answers DESCRIBE
  leaving = 50,     ///< the sender is about to close and asks for no more requests
  leaving_ok = 51,  ///< answers LEAVING; no request follows it
  queues = 60,      ///< the sender's queues, for which it grants credit
  credit = 61,      ///< the total of REQUESTs that the receiver may have sent for a queue
  credit_used = 62, ///< the sender has used its credit for a queue, and its calls wait
};

[[nodiscard]] bool is_known(packet type) noexcept;
[[nodiscard]] std::string_view to_string(packet type) noexcept;

struct frame_header {
  static constexpr std::size_t size_on_wire = 9;
  packet type{};
  std::uint32_t size = 0;
  std::uint32_t serial = 0;
  friend bool operator==(const frame_header&, const frame_header&) = default;
};

[[nodiscard]] frame_header read_header(std::string_view nine_bytes) noexcept;
/// Example: "REQUEST (type 10, serial 7)".
[[nodiscard]] std::string describe(const frame_header& header);

/// Appends one frame to `out`. The constructor writes the header, the caller appends the payload to
/// `out`, and `close` fills in the size.
class frame_writer {
public:
  frame_writer(std::string& out, packet type, std::uint32_t serial);
  /// Writes the payload size into the header. If the payload exceeds `limit`, removes the frame
  /// from `out` and returns false.
  [[nodiscard]] bool close(std::size_t limit);
  void discard();

private:
  std::string& out_;
  std::size_t begin_;
};

/// Splits a byte stream into frames. The stream may arrive in pieces of any size. The reader does
/// not copy a frame that lies within one piece.
class frame_reader {
public:
  struct frame {
    frame_header header;
    std::string_view payload; ///< valid until the next call
  };
  /// Owns a payload, so that the payload can outlive the reader.
  struct payload {
    std::string bytes;
    std::size_t begins_at = 0; ///< offset in `bytes`; the payload runs to the end of `bytes`
    [[nodiscard]] std::string_view view() const noexcept {
      return std::string_view{bytes}.substr(begins_at);
    }
  };
  /// The caller's decision about a frame, made when only the header is known.
  enum class verdict : std::uint8_t { take, skip, stop };

  void feed(std::string_view bytes);
  /// Returns the next whole frame. Returns nothing if more bytes are needed, or after a stop. Calls
  /// `judge(header)` once for each frame, before the reader stores any of the payload. The payload
  /// of a skipped frame is dropped as it arrives.
  template <class Judge>
  [[nodiscard]] std::optional<frame> next(Judge judge) {
    while (!stopped_ && available() >= frame_header::size_on_wire) {
      auto header = read_header(peek(frame_header::size_on_wire));
      if (!judged_) {
        auto what = judge(header);
        stopped_ = what == verdict::stop;
        if (what == verdict::skip) begin_skip(header);
        if (what != verdict::take) continue;
        judged_ = true;
        awaited_ = frame_header::size_on_wire + std::size_t{header.size};
      }
      if (available() < awaited_) break;
      judged_ = false;
      return frame{header, take(awaited_).substr(frame_header::size_on_wire)};
    }
    keep_rest();
    return {};
  }

  /// Returns an owned payload for the frame that `next` has just returned. Does not copy the
  /// payload if it arrived in more than one piece.
  [[nodiscard]] payload keep(const frame& f);
  /// Copies the unread rest of the current piece, because the caller owns the memory of that piece.
  /// Call this instead of `next` when frames that have already arrived must wait.
  void keep_rest();

  /// Returns at most `most` of the unread bytes. They start with the frame that is being judged.
  [[nodiscard]] std::string head(std::size_t most) const;
  /// True if a part of a frame has arrived.
  [[nodiscard]] bool is_within_frame() const noexcept { return available() > 0 || to_skip_ > 0; }

private:
  [[nodiscard]] std::size_t available() const noexcept {
    return buffer_.size() - consumed_ + input_.size();
  }
  [[nodiscard]] std::string_view peek(std::size_t n);
  [[nodiscard]] std::string_view take(std::size_t n);
  void begin_skip(const frame_header& header);

  std::string buffer_;       ///< bytes of earlier pieces that do not form a whole frame yet
  std::size_t consumed_ = 0; ///< bytes at the start of buffer_ that are already used
  std::string_view input_;   ///< the unread rest of the current piece
  std::uint64_t to_skip_ = 0;
  std::size_t awaited_ = 0; ///< length of the accepted frame, header included
  bool judged_ = false, stopped_ = false;
};

} // namespace patio::protocol
