/// The pickle stack machine. A pickle is a program for the machine: its opcodes take bytes from the
/// input, and move items between the stack and the memo. The builder classes make containers and
/// objects of the items.
#pragma once

#include <string_view>

#include <patio/pickle/budget.hpp>
#include <patio/pickle/failure.hpp>
#include <patio/pickle/input.hpp>
#include <patio/pickle/memo.hpp>
#include <patio/pickle/opcodes.hpp>
#include <patio/pickle/value_stack.hpp>

namespace patio::pickle {

using detail::refusal;

/// Reads one pickle. A function that returns bool returns false if it refuses the pickle. The
/// reading then ends.
class machine {
public:
  machine(std::string_view bytes, const pickle_limits& limits)
      : in_{bytes}, budget_{limits, bytes.size(), failure_} {}

  [[nodiscard]] input& in() noexcept { return in_; }
  [[nodiscard]] pickle::budget& budget() noexcept { return budget_; }
  [[nodiscard]] value_stack& stack() noexcept { return stack_; }
  [[nodiscard]] pickle::memo& memo() noexcept { return memo_; }
  /// Returns the protocol version that the last PROTO opcode named, or 0 before the first.
  [[nodiscard]] unsigned protocol() const noexcept { return protocol_; }

  bool refuse(std::string_view why) { return failure_.refuse(why); }
  bool refuse(limit exceeded, std::string_view why) { return failure_.refuse(exceeded, why); }
  /// Refuses the pickle unless `why` is `none`. `part` is the value that a container refused.
  bool refuse(refusal why, const value& part);
  bool refuse_hidden(const stack_item& item);
  [[nodiscard]] pickle::failure& failure() noexcept { return failure_; }

  /// Takes the next opcode. Later refusals name the offset of this opcode.
  bool next_opcode(opcode& op) {
    failure_.set_offset(in_.position());
    if (in_.left() == 0) return failure_.refuse_malformed("expected an opcode, found the end");
    op = static_cast<opcode>(in_.little_endian<std::uint8_t>());
    return true;
  }
  bool read_protocol();
  bool read_frame();
  bool read_line(std::string_view& text);
  /// Checks that `bytes` more bytes follow.
  bool need(std::size_t bytes) { return bytes <= in_.left() || refuse_short(bytes); }

  /// Checks that `items` items lie above the topmost MARK.
  bool have(std::size_t items) { return stack_.reachable() >= items || refuse_stack(items); }
  /// Checks that the items from `first` to the top are values. A class that has a stand-in becomes
  /// the stand-in.
  bool all_data(std::size_t first);
  bool push(value v, std::size_t length = 0) {
    if (!budget_.spend(length) || !has_room()) return false;
    stack_.push(std::move(v));
    return true;
  }
  bool push_hidden(stack_item item);
  bool pop();
  bool duplicate();
  bool mark();
  /// Removes the topmost MARK. Sets `first` to the position of the first item above the MARK.
  bool pop_mark(std::size_t& first);
  bool put(std::uint64_t index);
  bool get(std::uint64_t index);

  detail::text_arena texts; ///< allocates the texts of the pickle

private:
  [[gnu::cold]] bool refuse_short(std::size_t wanted);
  [[gnu::cold]] bool refuse_stack(std::size_t wanted);
  bool has_room();
  void make_call_state();

  /// Limits for the nesting of containers that are still open. For each level a pickler leaves on
  /// the stack at most three values below the current value (a class and two of three arguments),
  /// or one MARK with any number of values above it.
  static constexpr std::size_t max_values_without_mark = std::size_t{4} * value::max_depth;
  static constexpr std::size_t max_marks = std::size_t{2} * value::max_depth;

  input in_;
  pickle::failure failure_;
  pickle::budget budget_;
  value_stack stack_;
  pickle::memo memo_;
  unsigned protocol_ = 0;
};

inline bool machine::has_room() {
  return stack_.size() < max_values_without_mark || stack_.marks() > 0 || budget_.refuse_depth();
}

inline bool machine::mark() {
  if (!budget_.spend(0)) return false;
  if (stack_.marks() == max_marks) return budget_.refuse_depth();
  stack_.mark();
  return true;
}

inline bool machine::pop_mark(std::size_t& first) {
  if (stack_.marks() == 0) return failure_.refuse_malformed("expected a MARK on the stack");
  first = stack_.unmark();
  if (first > 0 && stack_[first - 1].is(item_kind::call_state)) make_call_state();
  return true;
}

inline bool machine::put(std::uint64_t index) {
  if (!have(1)) return false;
  constexpr std::size_t tree_node_bytes = 16; // in addition to the 64 bytes of every value
  if (!memo_.put(index, stack_.top()) && !budget_.spend(tree_node_bytes)) return false;
  return budget_.allows_memo(memo_.size());
}

} // namespace patio::pickle
