#include <patio/pickle/stack_item.hpp>

namespace patio::pickle {

std::string_view type_of(const stack_item& item) noexcept {
  switch (item.tag.kind) {
  case item_kind::data: return type_name(item.v.kind());
  case item_kind::class_ref: return "class";
  case item_kind::call: return "CallRequest";
  case item_kind::reconstruction:
  case item_kind::new_arguments: return "tuple with a class";
  default: return "str";
  }
}

} // namespace patio::pickle
