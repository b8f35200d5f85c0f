/// A place in the text of a literal, and the readers of what needs no nesting: numbers and strings.
/// Internal to literal*.cpp. Readers return false once they have failed; the first failure is kept.
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
  /// '\0' past the end; a NUL in the text looks the same and fits nowhere either.
  [[nodiscard]] char peek(std::size_t ahead = 0) const noexcept {
    return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
  }
  [[nodiscard]] std::string_view rest() const noexcept { return text_.substr(at_); }
  void advance(std::size_t bytes = 1) noexcept { at_ += bytes; }
  bool take(char c) noexcept;
  bool take(std::string_view word) noexcept;
  void skip_space() noexcept;
  /// Letters, digits and underscores from here on, without passing them.
  [[nodiscard]] std::string_view word() const noexcept;

  /// Returns false. What was found is what stands at `where`, unless said otherwise.
  bool fail(std::size_t where, std::string_view expected, std::optional<std::string> found = {});
  bool fail(std::string_view expected) { return fail(at_, expected); }
  [[nodiscard]] error failure() const { return {errc::invalid, message_, {}}; }

  /// What was read can only have been meant as a literal: a word that fails from here on is no
  /// plain word.
  void commit() noexcept { committed_ = true; }
  [[nodiscard]] bool committed() const noexcept { return committed_; }

private:
  [[nodiscard]] std::string found_at(std::size_t where) const;
  std::string_view text_;
  std::size_t at_ = 0;
  bool committed_ = false;
  std::string message_;
};

[[nodiscard]] bool starts_number(const literal_cursor& in) noexcept;
/// An int, a float or a complex such as -1.5+2j.
[[nodiscard]] bool read_number(literal_cursor& in, value& out);

[[nodiscard]] bool starts_string(const literal_cursor& in) noexcept;
/// One or more strings or bytes side by side.
[[nodiscard]] bool read_strings(literal_cursor& in, value& out);

} // namespace patio::detail
