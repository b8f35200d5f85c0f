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

  // Each function returns false, so that the caller can return its result.
  [[gnu::cold]] bool refuse(std::string_view why);
  /// For bytes that no pickler writes: not even the begin of such a pickle means anything.
  [[gnu::cold]] bool refuse_malformed(std::string_view why);
  [[gnu::cold]] bool refuse(limit exceeded, std::string_view why);

  /// Remembers a part for which any pickle but that of an exception is refused. Only the first such
  /// part counts.
  [[gnu::cold]] void tolerate(std::string_view why);
  /// Refuses the pickle because of that part. Returns true if there is no such part.
  bool refuse_tolerated();

  /// Returns the error for the caller of the reader. Must be called once, after a refusal.
  [[nodiscard]] tl::unexpected<error> take();
  [[nodiscard]] const std::string& message() const noexcept { return message_; }
  [[nodiscard]] bool is_malformed() const noexcept { return malformed_; }

private:
  std::size_t offset_ = 0;
  std::string message_;
  std::string tolerated_;
  limit exceeded_ = limit::none;
  bool malformed_ = false;
};

} // namespace patio::pickle
