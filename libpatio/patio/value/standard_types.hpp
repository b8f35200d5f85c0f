/// The classes of Python's standard library that a node can accept, and the checks of their
/// objects. CPython builds every object that passes the checks, with the same value. Internal to
/// value/, pickle/ and convert/. Pure functions; any thread may call them.
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
  ordered_dict,
  array, ///< part of every node, like a bytearray: python_types need not name it
};

[[nodiscard]] standard_class find_standard_class(std::string_view module,
                                                 std::string_view name) noexcept;
/// Returns `none` for any other value than an object of a standard class.
[[nodiscard]] standard_class class_of(const value& v) noexcept;

// Each check returns the expected form, or "" if there is no error. For standard_class::none the
// only error is a state that is None.

[[nodiscard]] std::string_view wrong_arguments(standard_class c, construction made_by,
                                               std::span<const value> args);
[[nodiscard]] std::string_view wrong_state(standard_class c, const value& state);
[[nodiscard]] std::string_view wrong_object(const object_parts& o);

/// Returns true if a pickle must give the object a state (opcode BUILD).
[[nodiscard]] constexpr bool needs_state(standard_class c) noexcept {
  return c == standard_class::uuid;
}
[[nodiscard]] constexpr bool takes_items(standard_class c) noexcept {
  return c == standard_class::none;
}
[[nodiscard]] constexpr bool takes_entries(standard_class c) noexcept {
  return c == standard_class::none || c == standard_class::ordered_dict;
}
/// Returns true if CPython makes a new first argument each time it pickles such an object. CPython
/// then never finds that argument in its memo.
[[nodiscard]] constexpr bool has_fresh_argument(standard_class c) noexcept {
  return c == standard_class::datetime || c == standard_class::date || c == standard_class::time
         || c == standard_class::decimal;
}

/// Returns true if Python can hash the object. The parts must be hashable, and the object must not
/// have items or entries.
[[nodiscard]] bool has_hash(const object_parts& o);

/// The fields of a datetime, date or time. A field that the class does not have is zero.
struct moment {
  unsigned year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, microsecond = 0;
  bool fold = false;
};

// The first three functions return nothing if the size is wrong or a field is out of range.

[[nodiscard]] std::optional<moment> datetime_from_bytes(std::string_view bytes) noexcept;
[[nodiscard]] std::optional<moment> date_from_bytes(std::string_view bytes) noexcept;
[[nodiscard]] std::optional<moment> time_from_bytes(std::string_view bytes) noexcept;
[[nodiscard]] std::string datetime_to_bytes(const moment& m);
[[nodiscard]] std::string date_to_bytes(const moment& m);
[[nodiscard]] std::string time_to_bytes(const moment& m);

/// The fields of a timedelta, normalized as in CPython: days may be negative, seconds and
/// microseconds are not.
struct day_count {
  std::int64_t days = 0, seconds = 0, microseconds = 0;
};
[[nodiscard]] std::optional<day_count> timedelta_from(std::span<const value> args);

/// Returns true if the text is a number in the form that Decimal prints, with an exponent in the
/// range of Decimal.
[[nodiscard]] bool is_decimal(std::string_view text) noexcept;

using uuid_bytes = std::array<std::uint8_t, 16>; ///< big endian
/// Returns nothing for an integer outside 0 to 2**128 - 1.
[[nodiscard]] std::optional<uuid_bytes> uuid_from(const value& number);
[[nodiscard]] std::string uuid_text(const uuid_bytes& bytes);

/// Returns Python's repr() of a valid standard object. Returns nothing for an OrderedDict and for
/// any other object.
[[nodiscard]] std::optional<std::string> standard_repr(const object_parts& o);

/// Returns Python's str() of a valid standard object or of a path of pathlib. Returns nothing where
/// str() is the same as repr(), and for any other object.
[[nodiscard]] std::optional<std::string> standard_str(const object_parts& o);
/// Returns the text of a path of pathlib, whose pickle holds its parts. Returns nothing for any
/// other object.
[[nodiscard]] std::optional<std::string> path_text(const object_parts& o);

} // namespace patio::detail
