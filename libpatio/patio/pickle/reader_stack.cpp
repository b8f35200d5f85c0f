#include <patio/pickle/reader.hpp>

#include <algorithm>

#include <charconv>

namespace patio::pickle {
namespace {

std::string_view name_of(opcode op) {
  switch (op) {
  case opcode::persid: return "PERSID";
  case opcode::binpersid: return "BINPERSID";
  case opcode::ext1: return "EXT1";
  case opcode::ext2: return "EXT2";
  case opcode::ext4: return "EXT4";
  case opcode::inst: return "INST";
  case opcode::obj: return "OBJ";
  case opcode::newobj_ex: return "NEWOBJ_EX";
  case opcode::next_buffer: return "NEXT_BUFFER";
  case opcode::readonly_buffer: return "READONLY_BUFFER";
  default: return {};
  }
}

} // namespace

bool memo::put_out_of_order(std::uint64_t index, const stack_item& item) {
  if (index > dense_.size()) return !sparse_.insert_or_assign(index, item).second;
  if (index < dense_.size()) return dense_[index] = item, true;
  sparse_.erase(index);
  dense_.push_back(item);
  return true;
}

bool reader::refuse(std::string_view why) {
  error_ = "byte " + std::to_string(start_) + ": ";
  error_ += why;
  return false;
}

bool reader::refuse(limit which, std::string_view why) {
  exceeded_ = which;
  return refuse(why);
}

tl::unexpected<error> reader::failure() {
  return fail(errc::undecodable, exceeded_, std::move(error_));
}

bool reader::refuse(refusal why, const value& part) {
  switch (why) {
  case refusal::none: return true;
  case refusal::too_deep: return refuse_depth();
  case refusal::frozen: return refuse("changed after it was shared; cycles are not accepted");
  default:
    return refuse("expected a hashable value, found a " + std::string{type_name(part.kind())});
  }
}

bool reader::refuse_hidden(const stack_item& item) {
  return refuse("expected plain data, found a " + std::string{type_of(item)});
}

bool reader::refuse_opcode(opcode op) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto code = static_cast<std::uint8_t>(op);
  std::string shown{name_of(op)};
  if (shown.empty()) shown = std::string{"0x"} + digits[code >> 4] + digits[code & 15];
  return refuse("expected an opcode for plain data, found " + shown);
}

bool reader::refuse_depth() {
  return refuse(limit::pickle_depth,
                "nested deeper than " + std::to_string(std::min(limits_.depth, value::max_depth)));
}

bool reader::refuse_short(std::size_t wanted) {
  return refuse("expected " + std::to_string(wanted) + " more bytes, found "
                + std::to_string(in_.left()));
}

bool reader::refuse_cost() {
  if (nodes_ > limits_.nodes)
    return refuse(limit::pickle_nodes, "more than " + std::to_string(limits_.nodes) + " values");
  if (memory_ > limits_.memory_bytes)
    return refuse(limit::pickle_memory_bytes,
                  "more than " + std::to_string(limits_.memory_bytes) + " bytes of memory");
  return refuse(limit::pickle_memo_entries,
                "more than " + std::to_string(limits_.memo_entries) + " memo entries");
}

bool reader::refuse_stack(std::size_t wanted) {
  return refuse("expected " + std::to_string(wanted) + " values on the stack, found "
                + std::to_string(stack_.size() - fence_));
}

std::string_view reader::type_of(const stack_item& item) const {
  switch (item.tag.what) {
  case item_kind::data: return type_name(item.v.kind());
  case item_kind::class_ref: return "class";
  case item_kind::call: return "CallRequest";
  case item_kind::reconstruction:
  case item_kind::new_arguments: return "tuple with a class";
  default: return "str";
  }
}

bool reader::push_hidden(stack_item item) {
  if (!charge(0) || !room_for_one()) return false;
  stack_.push_back(std::move(item));
  return true;
}

bool reader::mark() {
  if (!charge(0)) return false;
  if (marks_.size() == most_marks) return refuse_depth();
  fence_ = stack_.size();
  marks_.push_back(fence_);
  return true;
}

bool reader::pop_mark(std::size_t& first) {
  if (marks_.empty()) return refuse("expected a MARK on the stack");
  first = marks_.back();
  marks_.pop_back();
  if (state_pending_ && marks_.empty()) make_state();
  fence_ = marks_.empty() ? 0 : marks_.back();
  return true;
}

bool reader::pop() {
  std::size_t first = 0;
  if (!marks_.empty() && marks_.back() == stack_.size()) return pop_mark(first);
  if (!have(1)) return false;
  stack_.pop_back();
  return true;
}

bool reader::duplicate() {
  if (!have(1)) return false;
  auto copy = stack_.back();
  if (copy.is(item_kind::call)) return refuse("a CallRequest is used twice");
  value_access::freeze(copy.v);
  return push_hidden(std::move(copy));
}

bool reader::put(std::uint64_t index) {
  if (!have(1)) return false;
  constexpr std::size_t tree_node = 16; // more than the 64 bytes that all values count for
  if (!memo_.put(index, stack_.back()) && !charge(tree_node)) return false;
  return memo_.size() <= limits_.memo_entries || refuse_cost();
}

// From here on there are two references, so what is inside may not change any more.
bool reader::get(std::uint64_t index) {
  auto* found = memo_.find(index);
  if (!found) return refuse("memo entry " + std::to_string(index) + " was never stored");
  if (found->is(item_kind::call)) return refuse("a CallRequest is used twice");
  if (found->is(item_kind::call_module)) *found = stack_item{value{"patio.broker.tcp.broker"}};
  if (found->is(item_kind::call_class)) *found = stack_item{value{"CallRequest"}};
  if (found->is(item_kind::call_state)) make_state();
  value_access::freeze(found->v);
  return push_hidden(*found);
}

bool reader::index_line(std::uint64_t& index) {
  std::string_view digits;
  if (!line(digits)) return false;
  auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (failed == std::errc{} && end == digits.data() + digits.size()) return true;
  return refuse("expected a memo index");
}

} // namespace patio::pickle
