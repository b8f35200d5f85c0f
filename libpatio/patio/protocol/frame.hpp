/// Frames of the wire protocol: type int8, payload size uint32, serial uint32, all big endian, then
/// the payload. Writing and reading stand side by side; libpatio/README.md has the layout as a
/// table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace patio::protocol {

/// Never renumber: Python patio 0.1.4 in the field has these.
enum class packet : std::int8_t {
  auth_digest = 0,
  auth_request = 1,
  auth_response = 2, ///< defined by Python, never sent by anyone
  auth_ok = 3,
  discover_request = 5,
  discover_response = 6,
  request = 10,
  response = 20,
  error = 30,
  // Extensions (extensions.hpp), for peers that have announced them.
  cancel = 40,     ///< the caller has given up the REQUEST of this serial
  leaving = 50,    ///< send me no more requests: I am about to go
  leaving_ok = 51, ///< answers LEAVING, behind the last request
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
/// "REQUEST (type 10, serial 7)"
[[nodiscard]] std::string describe(const frame_header& header);

/// Appends a frame whose payload is written behind the header: open, append the payload to `out`,
/// close.
class frame_writer {
public:
  frame_writer(std::string& out, packet type, std::uint32_t serial);
  /// Fills in the size. False, with the frame taken back, if the payload is over `limit`.
  [[nodiscard]] bool close(std::size_t limit);
  void discard();

private:
  std::string& out_;
  std::size_t begin_;
};

/// Cuts a byte stream, in whatever pieces it comes, into frames. A frame that lies within one piece
/// is handed on without a copy.
class frame_reader {
public:
  struct frame {
    frame_header header;
    std::string_view payload; ///< valid until the next call
  };
  /// A payload that outlives the reader.
  struct payload {
    std::string bytes;
    std::size_t begins_at = 0; ///< in `bytes`, at whose end it ends
    [[nodiscard]] std::string_view view() const noexcept {
      return std::string_view{bytes}.substr(begins_at);
    }
  };
  /// What to do with a frame once its header is known.
  enum class verdict : std::uint8_t { take, skip, stop };

  void feed(std::string_view bytes);
  /// The next whole frame. `judge(header)` is asked once a frame, before any of its payload is
  /// stored; a skipped frame's payload is dropped as it arrives. Nothing if more bytes are needed,
  /// or after a stop.
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

  /// The payload of the frame that `next` has just given, without a copy if it came in more than
  /// one piece.
  [[nodiscard]] payload keep(const frame& f);
  /// Instead of `next`, where more frames may be here but are to wait: the memory of a piece is the
  /// caller's, so its rest is copied.
  void keep_rest();

  /// What is here of the frame that is being judged, and behind it: at most so many bytes.
  [[nodiscard]] std::string head(std::size_t most) const;
  /// Whether a frame has begun to arrive.
  [[nodiscard]] bool is_within_frame() const noexcept { return available() > 0 || to_skip_ > 0; }

private:
  [[nodiscard]] std::size_t available() const noexcept {
    return buffer_.size() - consumed_ + input_.size();
  }
  [[nodiscard]] std::string_view peek(std::size_t n);
  [[nodiscard]] std::string_view take(std::size_t n);
  void begin_skip(const frame_header& header);

  std::string buffer_;       ///< bytes of earlier pieces that made no whole frame yet
  std::size_t consumed_ = 0; ///< of buffer_
  std::string_view input_;   ///< what is left of the current piece
  std::uint64_t to_skip_ = 0;
  std::size_t awaited_ = 0; ///< length of the frame that is judged
  bool judged_ = false, stopped_ = false;
};

} // namespace patio::protocol
