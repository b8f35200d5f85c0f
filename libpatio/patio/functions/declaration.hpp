/// The name and the parameters of a function as the user declares them: "sub(a, b=0)" is short for
/// the name "sub" with the parameters "a" and "b=0". Value types and functions without state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/value/value.hpp>

namespace PATIO_API patio {
namespace detail {

struct declaration {
  std::string name;
  std::vector<std::string> parameters; ///< as in function_options::parameters
  bool is_complete = false;            ///< every parameter of the function must be declared
};

/// Splits "sub(a, b=0)". A text that does not end with ")" is only a name, which may have
/// `parameters`. Throws std::invalid_argument for a signature that is not well-formed, and if there
/// are parameters in addition to a signature.
[[nodiscard]] declaration declare(std::string text, std::vector<std::string> parameters);

/// One parameter: "a", "b=0", "*rest" or "**options".
struct declared_parameter {
  std::string name;
  unsigned stars = 0;
  std::optional<value> default_value = {}; ///< a Python literal
};

/// Throws std::invalid_argument, which says why `text` is not a parameter of `function`.
[[nodiscard]] declared_parameter parse_parameter(const std::string& function,
                                                 std::string_view text);

} // namespace detail
} // namespace patio
