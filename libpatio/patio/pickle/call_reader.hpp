/// The CallRequest in a pickle. Nearly every CallRequest begins and ends with the same opcodes. The
/// call_reader handles them at once: this is the fast path of every call.
#pragma once

#include <array>

#include <patio/pickle/call_opening.hpp>
#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// A pickle holds at most one CallRequest. It is an item of kind `call` on the stack; its fields
/// are here. Each function that returns bool returns false once the pickle is refused.
class call_reader {
public:
  /// `m` must outlive this.
  explicit call_reader(machine& m) noexcept : machine_{&m} {}

  /// Skips call_opening_bytes if the pickle begins with them, and leaves the machine as these
  /// opcodes would. Must be called before the first opcode, or not at all.
  bool skip_opening();
  /// Pushes the CallRequest without fields.
  bool make();
  /// Carries out BUILD.
  bool set_fields(const value& state);

  /// True if only BUILD and STOP follow the current SETITEMS, and the fields are complete and in
  /// their usual order. Then set_fields_from_stack() does the work of SETITEMS and BUILD.
  [[nodiscard]] bool ends_here() const {
    auto& stack = machine_->stack();
    return stack.marks() == 1 && stack.size() == fields_position + 2 * field_count
           && stack[call_state_position].is(item_kind::call_state) && has_usual_ending();
  }
  bool set_fields_from_stack();

  /// Returns the call. Must be called once, after STOP.
  [[nodiscard]] result<call_request> take();

private:
  static constexpr std::size_t field_count = 4;
  static constexpr std::size_t fields_position = call_state_position + 1; ///< on the stack
  static constexpr std::array<std::string_view, field_count> field_names{"func", "args", "kwargs",
                                                                         "timeout"};

  [[nodiscard]] bool has_usual_opening() const;
  [[nodiscard]] bool has_usual_ending() const;
  bool check_fields();

  machine* machine_;
  std::array<value, field_count> fields_; ///< in the order of field_names
  unsigned fields_seen_ = 0;              ///< bit i stands for fields_[i]
  bool made_ = false;
};

} // namespace patio::pickle
