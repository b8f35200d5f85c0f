#include <patio/pickle/machine.hpp>

#include <patio/pickle/call_opening.hpp>

namespace patio::pickle {

using detail::heap_dict;

bool machine::refuse(refusal why, const value& part) {
  switch (why) {
  case refusal::none: return true;
  case refusal::too_deep: return budget_.refuse_depth();
  case refusal::frozen:
    return refuse("a value changed after it was shared; cycles are not accepted");
  default:
    return refuse("expected a hashable value, found a " + std::string{type_name(part.kind())});
  }
}

bool machine::refuse_hidden(const stack_item& item) {
  return refuse("expected plain data, found a " + std::string{type_of(item)});
}

bool machine::refuse_short(std::size_t wanted) {
  return failure_.refuse_malformed("expected " + std::to_string(wanted) + " more bytes, found "
                                   + std::to_string(in_.left()));
}

bool machine::refuse_stack(std::size_t wanted) {
  return failure_.refuse_malformed("expected " + std::to_string(wanted)
                                   + " values on the stack, found "
                                   + std::to_string(stack_.reachable()));
}

bool machine::read_protocol() {
  if (!need(1)) return false;
  protocol_ = in_.little_endian<std::uint8_t>();
  return protocol_ <= highest_protocol
         || failure_.refuse_malformed("expected protocol 0 to 5, found "
                                      + std::to_string(protocol_));
}

// Checks only that the bytes of the frame follow, as CPython's C reader does. A frame may be empty,
// nested, or end within an opcode.
bool machine::read_frame() { return need(8) && need(in_.little_endian<std::uint64_t>()); }

bool machine::read_line(std::string_view& text) {
  auto found = in_.line();
  if (!found) return failure_.refuse_malformed("expected a line, found no newline");
  text = *found;
  return true;
}

bool machine::all_data(std::size_t first) {
  for (auto i = first; i < stack_.size(); ++i) {
    auto& item = stack_[i];
    if (item.is(item_kind::data)) continue;
    if (!item.is(item_kind::class_ref) || item.v.kind() != kind::object) return refuse_hidden(item);
    failure_.tolerate("expected plain data, found a class");
    item.tag = {};
  }
  return true;
}

bool machine::push_hidden(stack_item item) {
  if (!budget_.spend(0) || !has_room()) return false;
  stack_.push(std::move(item));
  return true;
}

bool machine::pop() {
  std::size_t first = 0;
  if (stack_.ends_with_mark()) return pop_mark(first);
  if (!have(1)) return false;
  stack_.drop(stack_.size() - 1);
  return true;
}

bool machine::duplicate() {
  if (!have(1)) return false;
  auto copy = stack_.top();
  if (copy.is(item_kind::call)) return refuse("a CallRequest is used twice");
  value_access::freeze(copy.v);
  return push_hidden(std::move(copy));
}

// A second reference to the value now exists, so the value must not change any more.
bool machine::get(std::uint64_t index) {
  auto* found = memo_.find(index);
  if (!found)
    return failure_.refuse_malformed("memo entry " + std::to_string(index) + " was never stored");
  switch (found->tag.kind) {
  case item_kind::call: return refuse("a CallRequest is used twice");
  case item_kind::call_module: *found = stack_item{value{"patio.broker.tcp.broker"}}; break;
  case item_kind::call_class: *found = stack_item{value{"CallRequest"}}; break;
  case item_kind::call_state: make_call_state(); break;
  default: break;
  }
  value_access::freeze(found->v);
  return push_hidden(*found);
}

// Replaces the placeholders by a real dict. One placeholder is on the stack below the first MARK.
// The other is in the memo, unless another value has replaced it.
void machine::make_call_state() {
  auto state = value_access::adopt(new heap_dict);
  auto* entry = memo_.find(call_state_memo_index);
  if (entry->is(item_kind::call_state)) *entry = stack_item{state};
  stack_[call_state_position] = stack_item{std::move(state)};
}

} // namespace patio::pickle
