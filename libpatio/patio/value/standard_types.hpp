/// The classes of Python's standard library that can be switched on, and what CPython takes to make
/// them. Whatever passes here, CPython builds with the same value. Internal to values, pickles and
/// converters. No state, any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <patio/value/value.hpp>

namespace patio::detail {

enum class standard_class : std::uint8_t {
  none,
  datetime,
  date,
  time,
  timedelta,
  timezone,
  decimal,
  uuid,
  ordered_dict
};

[[nodiscard]] standard_class find_standard_class(std::string_view module,
                                                 std::string_view name) noexcept;
/// `none` if it is no object.
[[nodiscard]] standard_class class_of(const value& v) noexcept;

// Each answers with what was expected, or with nothing if all is well. `none` takes anything.

[[nodiscard]] std::string_view wrong_arguments(standard_class c, making how,
                                               std::span<const value> args);
[[nodiscard]] std::string_view wrong_state(standard_class c, const value& state);
[[nodiscard]] std::string_view wrong_object(const object_parts& o);

/// Whether BUILD has to follow.
[[nodiscard]] constexpr bool needs_state(standard_class c) noexcept {
  return c == standard_class::uuid;
}
[[nodiscard]] constexpr bool takes_items(standard_class c) noexcept {
  return c == standard_class::none;
}
[[nodiscard]] constexpr bool takes_entries(standard_class c) noexcept {
  return c == standard_class::none || c == standard_class::ordered_dict;
}
/// Whether CPython makes the first argument anew whenever it pickles such an object, and so never
/// finds it in its memo.
[[nodiscard]] constexpr bool has_fresh_argument(standard_class c) noexcept {
  return c == standard_class::datetime || c == standard_class::date || c == standard_class::time
         || c == standard_class::decimal;
}

/// Whether it can be a key: its parts can, and nothing says otherwise.
[[nodiscard]] bool has_hash(const object_parts& o);

/// What the bytes in a datetime, date or time say; what a class does not have is zero.
struct moment {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, microsecond = 0;
  bool fold = false;
};

// Nothing if a field is out of its range.

[[nodiscard]] std::optional<moment> datetime_from_bytes(std::string_view bytes) noexcept;
[[nodiscard]] std::optional<moment> date_from_bytes(std::string_view bytes) noexcept;
[[nodiscard]] std::optional<moment> time_from_bytes(std::string_view bytes) noexcept;
[[nodiscard]] std::string datetime_to_bytes(const moment& m);
[[nodiscard]] std::string date_to_bytes(const moment& m);
[[nodiscard]] std::string time_to_bytes(const moment& m);

struct day_count { ///< a timedelta as CPython normalises it
  std::int64_t days = 0, seconds = 0, microseconds = 0;
};
[[nodiscard]] std::optional<day_count> timedelta_from(std::span<const value> args);

/// A number as Decimal prints it, within the exponents that it has.
[[nodiscard]] bool is_decimal(std::string_view text) noexcept;

/// Big endian; nothing for an integer outside 0 to 2**128 - 1.
using uuid_bytes = std::array<std::uint8_t, 16>;
[[nodiscard]] std::optional<uuid_bytes> uuid_from(const value& number);
[[nodiscard]] std::string uuid_text(const uuid_bytes& bytes);

/// Python's repr() of a valid standard object but an OrderedDict; nothing for anything else.
[[nodiscard]] std::optional<std::string> standard_repr(const object_parts& o);

} // namespace patio::detail
