#include <patio/value/exception_message.hpp>
#include <patio/value/repr.hpp>
#include <patio/value/standard_types.hpp>

namespace patio {

std::string to_str(const value& v) {
  if (v.is_text()) return std::string{v.text()};
  if (v.kind() == kind::exception) return detail::exception_message(v);
  if (v.kind() == kind::object)
    if (auto text = detail::standard_str(v.as_object())) return *std::move(text);
  return detail::repr_or_brief(v);
}

} // namespace patio
