/// A position in the text of a literal, and the readers of numbers and strings. Internal to
/// literal*.cpp. A reader that fails returns false, and the cursor keeps the first error.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
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

  /// Records a part of a literal that patio cannot represent, for example an integer with too many
  /// digits. The reader goes on, to learn whether the rest of the text is a literal. Returns true.
  bool refuse(std::size_t offset, std::string_view expected, std::optional<std::string> found = {});
  [[nodiscard]] bool refused() const noexcept { return !refusal_.empty(); }
  /// Returns the first failure, or the first refusal if the reader did not fail.
  [[nodiscard]] error failure() const {
    return {errc::invalid, message_.empty() ? refusal_ : message_, {}};
  }

private:
  [[nodiscard]] std::string found_at(std::size_t offset) const;
  [[nodiscard]] std::string message_at(std::size_t offset, std::string_view expected,
                                       const std::optional<std::string>& found) const;
  std::string_view text_;
  std::size_t at_ = 0;
  std::string message_, refusal_;
};

/// What a reader found in a whole text.
struct reading {
  result<value> outcome;
  bool refused = false; ///< the text has the right form, and patio cannot represent the value
};
[[nodiscard]] reading read_json(std::string_view text);
[[nodiscard]] reading read_literal(std::string_view text);

constexpr std::size_t max_digits = 4300; ///< the limit of CPython for a decimal integer
constexpr std::string_view digits_limit =
  "an integer of at most 4300 digits (hexadecimal has no limit)";

/// Rounds unsigned decimal text as Python does: to nearest, to infinity on overflow and to zero on
/// underflow.
[[nodiscard]] double to_real(std::string_view text);

/// Refuses a dict in which a str is a key twice.
void refuse_repeated_name(literal_cursor& in, std::size_t offset,
                          std::span<const dict_entry> entries);

[[nodiscard]] bool starts_number(const literal_cursor& in) noexcept;
/// Reads an int, a float or a complex number such as -1.5+2j.
[[nodiscard]] bool read_number(literal_cursor& in, value& out);

[[nodiscard]] bool starts_string(const literal_cursor& in) noexcept;
/// Reads one or more adjacent strings, or one or more adjacent bytes literals.
[[nodiscard]] bool read_strings(literal_cursor& in, value& out);

} // namespace patio::detail
