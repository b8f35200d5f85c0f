/// The Python classes that a node accepts and sends in addition to the built-in classes. Their
/// objects are values of kind `object`: data that a converter can read. Nothing here resolves or
/// calls a class. A value type.
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

/// Classes of Python's standard library, in groups that are accepted together.
enum class python_family : std::uint8_t {
  datetime,     ///< datetime.datetime, .date, .time, .timedelta, .timezone
  decimal,      ///< decimal.Decimal
  uuid,         ///< uuid.UUID
  ordered_dict, ///< collections.OrderedDict
};

class python_types {
public:
  python_types() = default; ///< none
  /// Returns all families. Objects of these classes are checked: CPython would build every accepted
  /// object, with the same value.
  [[nodiscard]] static python_types standard();

  python_types& add(python_family family);
  /// Adds a class of your own by its module and name: add("shop.models", "Order"). The parts of its
  /// objects are not checked, so the converter must check them. Throws std::invalid_argument for a
  /// class nested in a class, and for a module that Python peers refuse.
  python_types& add(std::string module, std::string name);

  struct entry {
    std::string module, name;
    detail::standard_class standard; ///< selects the check of its objects
  };
  [[nodiscard]] const entry* find(std::string_view module, std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }

private:
  std::vector<entry> entries_; ///< ordered by module and name
};

} // namespace patio
