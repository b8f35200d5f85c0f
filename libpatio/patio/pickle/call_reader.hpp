/// Reads the CallRequest in a pickle that read_plain_call refuses. Nearly every such CallRequest
/// also begins and ends with the same opcodes. The call_reader handles each of these two sequences
/// in one step, which saves time.
#pragma once

#include <array>

#include <patio/pickle/call_opening.hpp>
#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// A pickle contains at most one CallRequest. The stack holds an item of kind `call` for it, and
/// the call_reader holds its fields. A function that returns bool returns false if it refuses the
/// pickle.
class call_reader {
public:
  /// `m` must outlive the call_reader.
  explicit call_reader(machine& m) noexcept : machine_{&m} {}

  /// Skips call_opening_bytes if the pickle begins with them. Leaves the machine in the state that
  /// their opcodes would produce. Must be called before the first opcode, or not at all.
  bool skip_opening();
  /// Pushes a CallRequest without fields.
  bool make();
  /// Carries out BUILD: takes the fields from `state`.
  bool set_fields(const value& state);

  /// Returns true if only BUILD and STOP follow the current SETITEMS, and the fields are complete
  /// and in CPython's order. set_fields_from_stack() may then do the work of SETITEMS and BUILD.
  [[nodiscard]] bool ends_here() const {
    auto& stack = machine_->stack();
    return stack.marks() == 1 && stack.size() == fields_position + 2 * field_count
           && stack[call_state_position].is(item_kind::call_state) && has_usual_ending();
  }
  bool set_fields_from_stack();

  /// Returns the call. Must be called exactly once, after STOP.
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
  unsigned fields_seen_ = 0;              ///< bit i is set once fields_[i] is set
  bool made_ = false;
};

} // namespace patio::pickle
