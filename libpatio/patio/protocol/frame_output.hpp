/// The bytes of one connection on their way out, as whole frames. A resource of one session.
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

  /// Appends a frame whose payload is within every limit.
  void put(packet type, std::uint32_t serial, std::string_view payload);
  /// Appends a REQUEST, or fails and appends nothing.
  [[nodiscard]] result<void> put_request(std::uint32_t serial, const call_request& call);
  /// Appends a RESPONSE, or an ERROR that says why the result cannot be sent.
  void put_result(std::uint32_t serial, const value& v);
  /// Appends an ERROR. `with_ending` notes which errc the error stands for, for peers that
  /// announced `extensions::endings`.
  void put_error(std::uint32_t serial, const error& why, bool with_ending);
  /// Appends the ERROR for a result that could not be pickled.
  void put_unsendable(std::uint32_t serial, const error& why);
  /// Removes REQUESTs and CANCELs that have not been taken: what is about to be reported as not
  /// sent must not leave with the last words to the peer. Allocates nothing.
  void withdraw_requests();

  [[nodiscard]] std::string& bytes() noexcept { return bytes_; }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  /// The owner has taken so many of the bytes.
  void taken(std::size_t count) noexcept { taken_ += count; }
  [[nodiscard]] std::uint64_t bytes_taken() const noexcept { return taken_; }
  /// The offset of the next frame in all bytes ever put out.
  [[nodiscard]] std::uint64_t position() const noexcept { return taken_ + bytes_.size(); }

private:
  std::shared_ptr<const session_options> options_;
  std::string bytes_;
  std::uint64_t taken_ = 0;
};

} // namespace patio::protocol
