/// An item on the stack or in the memo of the stack machine: a value, or an item that only the
/// machine may see.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include <patio/pickle/classes.hpp>

namespace patio::pickle {

/// All kinds except `data` are hidden. A hidden item never becomes a value or a part of a value.
enum class item_kind : std::uint8_t {
  data,
  class_ref,
  reconstruction, ///< the arguments (class, object, None)
  new_arguments,  ///< the arguments (class, ...); `v` holds all but the class
  call,           ///< a CallRequest; the call_reader holds its fields
  // Placeholders: the call_reader skips the usual opening opcodes of a CallRequest and leaves these
  // three items instead. The machine makes the real value only when a later opcode uses it.
  call_module, ///< the text "patio.broker.tcp.broker"
  call_class,  ///< the text "CallRequest"
  call_state,  ///< the empty dict for the fields
};

struct item_tag {
  item_kind kind = item_kind::data;
  class_ref cls = {}; ///< for class_ref, reconstruction and new_arguments
  /// The position of a user's class in python_types, or of an unknown class's name in the
  /// object_builder.
  std::uint32_t index = 0;
};

struct stack_item {
  explicit stack_item(value data, item_tag known = {}) noexcept : v{std::move(data)}, tag{known} {}
  explicit stack_item(item_tag hidden) noexcept : tag{hidden} {}
  explicit stack_item(item_kind hidden) noexcept : tag{hidden} {}
  [[nodiscard]] bool is(item_kind k) const noexcept { return tag.kind == k; }
  [[nodiscard]] bool is_data(kind k) const noexcept {
    return tag.kind == item_kind::data && v.kind() == k;
  }
  [[nodiscard]] bool is_class(class_kind k) const noexcept {
    return tag.kind == item_kind::class_ref && tag.cls.kind == k;
  }

  /// For data and new_arguments. In the pickle of an exception a class_ref has its stand-in here.
  value v;
  item_tag tag;
};

/// Returns the name of the type for an error message: "list", "class", "CallRequest".
[[nodiscard]] std::string_view type_of(const stack_item& item) noexcept;

} // namespace patio::pickle
