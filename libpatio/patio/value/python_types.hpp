/// The Python classes that a node accepts and sends in addition to the built-in classes. An object
/// of such a class is a value of kind `object`, which a converter can read. No class is resolved or
/// called. A value type.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/api.hpp>

namespace PATIO_API patio {
namespace detail {
enum class standard_class : std::uint8_t;
} // namespace detail

/// Groups of classes in Python's standard library. A node accepts the classes of a group together.
enum class python_family : std::uint8_t {
  datetime,     ///< datetime.datetime, .date, .time, .timedelta, .timezone
  decimal,      ///< decimal.Decimal
  uuid,         ///< uuid.UUID
  ordered_dict, ///< collections.OrderedDict
};

class python_types {
public:
  python_types() = default; ///< none
  /// Returns all families. The decoder checks objects of these classes: CPython would build every
  /// accepted object, with the same value.
  [[nodiscard]] static python_types standard();

  python_types& add(python_family family);
  /// Adds your own class by module and name: add("shop.models", "Order"). The decoder does not
  /// check the parts of its objects, so your converter must check them. Throws
  /// std::invalid_argument for a class nested in a class, and for a module that Python peers
  /// refuse.
  python_types& add(std::string module, std::string name);

  struct entry {
    std::string module, name;
    detail::standard_class standard; ///< selects the check of the objects of this class
  };
  [[nodiscard]] const entry* find(std::string_view module, std::string_view name) const noexcept;
  [[nodiscard]] const std::vector<entry>& entries() const noexcept { return entries_; }

private:
  std::vector<entry> entries_; ///< ordered by module and name
};

} // namespace patio
