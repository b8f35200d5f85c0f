/// An integer of any size, like Python's int. A value type. OpenSSL does the arithmetic.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>

namespace PATIO_API patio {

class integer {
public:
  integer() noexcept = default;
  integer(std::int64_t i);
  [[nodiscard]] static integer from_unsigned(std::uint64_t u);
  /// Reads two's complement, little endian, the form in the pickle opcodes LONG1 and LONG4.
  [[nodiscard]] static integer from_twos_complement(std::string_view little_endian);
  /// Reads an optional sign and decimal digits. Returns nothing for any other text. The time grows
  /// with the square of the length, so the caller must limit the length.
  [[nodiscard]] static std::optional<integer> from_decimal(std::string_view text);

  /// Returns nothing if the number does not fit into 64 bits.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const noexcept;
  [[nodiscard]] std::string twos_complement() const; ///< shortest form; empty for 0
  [[nodiscard]] std::string decimal() const; ///< takes time that grows with the square of the size
  [[nodiscard]] double as_real() const noexcept; ///< rounded to nearest; infinity if too large
  [[nodiscard]] bool negative() const noexcept { return negative_; }
  /// Returns the absolute value, little endian, without leading zeros; empty for 0.
  [[nodiscard]] std::string_view magnitude() const noexcept { return magnitude_; }

  friend bool operator==(const integer&, const integer&) = default;
  friend std::strong_ordering operator<=>(const integer& a, const integer& b) noexcept;

  friend integer operator*(const integer& a, const integer& b);
  friend integer operator-(const integer& a, const integer& b);
  [[nodiscard]] integer pow(std::uint64_t exponent) const;

private:
  friend class value;
  integer(bool negative, std::string magnitude);
  bool negative_ = false;
  std::string magnitude_;
};

} // namespace patio
