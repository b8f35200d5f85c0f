/// The reason why a pickle is refused: a message with the byte offset, and the exceeded limit if
/// there is one. The first refusal ends the reading of a pickle.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio::pickle {

class failure {
public:
  /// Sets the offset that a refusal names, which is the first byte of the current opcode.
  void set_offset(std::size_t offset) noexcept { offset_ = offset; }

  // Both functions return false, so that the caller can return their result.
  [[gnu::cold]] bool refuse(std::string_view why);
  [[gnu::cold]] bool refuse(limit exceeded, std::string_view why);

  /// Returns the error for the caller of the reader. Must be called once, after a refusal.
  [[nodiscard]] tl::unexpected<error> take();

private:
  std::size_t offset_ = 0;
  std::string message_;
  limit exceeded_ = limit::none;
};

} // namespace patio::pickle
