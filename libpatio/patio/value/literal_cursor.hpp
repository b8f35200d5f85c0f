/// A position in the text of a literal, and the readers of numbers and strings. Internal to
/// literal*.cpp. A reader that fails returns false, and the cursor keeps the first error.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>
#include <patio/value/value.hpp>

namespace patio::detail {

class literal_cursor {
public:
  explicit literal_cursor(std::string_view text) : text_{text} {}

  [[nodiscard]] std::size_t offset() const noexcept { return at_; }
  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }
  /// Returns '\0' past the end and for a NUL in the text. No reader tests for '\0'.
  [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] std::string_view rest() const noexcept { return text_.substr(at_); }
  void advance(std::size_t bytes = 1) noexcept { at_ += bytes; }
  bool take(char c) noexcept;
  bool take(std::string_view word) noexcept;
  void skip_space() noexcept;
  /// Returns the letters, digits and underscores at the current position, without advancing.
  [[nodiscard]] std::string_view word() const noexcept;

  /// Records an error, unless one was recorded before, and returns false. Without `found` the
  /// message quotes the text at `offset`.
  bool fail(std::size_t offset, std::string_view expected, std::optional<std::string> found = {});
  bool fail(std::string_view expected) { return fail(at_, expected); }
  [[nodiscard]] error failure() const { return {errc::invalid, message_, {}}; }

  /// Records that the text must be a literal. parse_word then does not make a str of the text.
  void commit() noexcept { committed_ = true; }
  [[nodiscard]] bool committed() const noexcept { return committed_; }

private:
  [[nodiscard]] std::string found_at(std::size_t offset) const;
  std::string_view text_;
  std::size_t at_ = 0;
  bool committed_ = false;
  std::string message_;
};

[[nodiscard]] bool starts_number(const literal_cursor& in) noexcept;
/// Reads an int, a float or a complex number such as -1.5+2j.
[[nodiscard]] bool read_number(literal_cursor& in, value& out);

[[nodiscard]] bool starts_string(const literal_cursor& in) noexcept;
/// Reads one or more adjacent strings, or one or more adjacent bytes literals.
[[nodiscard]] bool read_strings(literal_cursor& in, value& out);

} // namespace patio::detail
