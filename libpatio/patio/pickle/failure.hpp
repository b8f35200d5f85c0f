/// Why a pickle is refused: the message, the byte offset in it, and the limit that was exceeded.
/// The first refusal ends the reading of a pickle.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio::pickle {

class failure {
public:
  /// Sets the offset that a refusal names: the first byte of the current opcode.
  void set_offset(std::size_t offset) noexcept { offset_ = offset; }

  // Both return false, so that a step can return what they return.
  [[gnu::cold]] bool refuse(std::string_view why);
  [[gnu::cold]] bool refuse(limit exceeded, std::string_view why);

  /// The error for the caller of the reader; to be called once, after a refusal.
  [[nodiscard]] tl::unexpected<error> take();

private:
  std::size_t offset_ = 0;
  std::string message_;
  limit exceeded_ = limit::none;
};

} // namespace patio::pickle
