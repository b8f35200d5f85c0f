/// The output buffer of one connection. It holds whole frames. One session owns it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <patio/protocol/frame.hpp>
#include <patio/protocol/session_options.hpp>
#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

class frame_output {
public:
  explicit frame_output(std::shared_ptr<const session_options> options)
      : options_{std::move(options)} {}

  /// Appends a frame. The payload must be within every limit.
  void put(packet type, std::uint32_t serial, std::string_view payload);
  /// Appends a REQUEST, or fails and appends nothing.
  [[nodiscard]] result<void> put_request(std::uint32_t serial, const call_request& call);
  /// Appends a RESPONSE. If the result cannot be sent, appends an ERROR with the reason.
  void put_result(std::uint32_t serial, const value& v);
  /// Appends an ERROR. `with_ending` adds a note with the errc, for peers that have announced
  /// `extensions::endings`.
  void put_error(std::uint32_t serial, const error& why, bool with_ending);
  /// Appends the ERROR for a result that could not be pickled.
  void put_unsendable(std::uint32_t serial, const error& why);
  /// Removes the REQUESTs and CANCELs that the owner has not taken. The session is about to report
  /// these requests as not sent, so the final bytes to the peer must not contain them. Allocates no
  /// memory.
  void withdraw_requests();

  [[nodiscard]] std::string& bytes() noexcept { return bytes_; }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  /// Records that the owner has taken `count` bytes.
  void taken(std::size_t count) noexcept { taken_ += count; }
  [[nodiscard]] std::uint64_t bytes_taken() const noexcept { return taken_; }
  /// Returns the offset of the next frame in the whole output of the connection.
  [[nodiscard]] std::uint64_t position() const noexcept { return taken_ + bytes_.size(); }

private:
  std::shared_ptr<const session_options> options_;
  std::string bytes_;
  std::uint64_t taken_ = 0;
};

} // namespace patio::protocol
