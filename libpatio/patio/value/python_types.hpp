/// Which Python classes, beyond the built-in ones, a node accepts and sends. Their objects are
/// values of kind `object`: data that a converter can read. Nothing here resolves or calls a class.
/// A value type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace patio {
namespace detail {
enum class standard_class : std::uint8_t;
} // namespace detail

/// Classes of Python's standard library that are switched on together.
enum class python_family : std::uint8_t {
  datetime,     ///< datetime, date, time, timedelta, timezone of `datetime`
  decimal,      ///< decimal.Decimal
  uuid,         ///< uuid.UUID
  ordered_dict, ///< collections.OrderedDict
};

class python_types {
public:
  python_types() = default; ///< none
  /// All families. Their objects are checked: whatever is accepted, CPython would build with the
  /// same value.
  [[nodiscard]] static python_types standard();

  python_types& add(python_family family);
  /// A class of yours, by where Python finds it: add("shop.models", "Order"). Its parts are not
  /// checked, so its converter must. Throws std::invalid_argument for a class within a class, and
  /// for modules that a Python peer refuses.
  python_types& add(std::string module, std::string name);

  struct entry {
    std::string module, name;
    detail::standard_class standard; ///< how its objects are checked
  };
  [[nodiscard]] const entry* find(std::string_view module, std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }

private:
  std::vector<entry> entries_; ///< in order
};

} // namespace patio
