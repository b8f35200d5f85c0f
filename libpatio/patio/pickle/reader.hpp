/// The stack machine behind read_pickle and read_call_request. It knows data only: classes are
/// names in a list. Internal. One object reads one pickle; it never throws for what the bytes hold.
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include <patio/pickle/input.hpp>
#include <patio/pickle/memo.hpp>
#include <patio/pickle/opcodes.hpp>
#include <patio/pickle/pickle.hpp>

namespace patio::pickle {

/// Whether to skip the bytes with which CPython begins every CallRequest. It only saves time.
enum class call_opening : std::uint8_t { recognised, stepped_through };

class reader {
public:
  /// `types` must outlive the reader.
  reader(std::string_view bytes, const pickle_limits& limits, unknown_class unknown,
         const python_types& types);
  [[nodiscard]] result<value> read_value();
  [[nodiscard]] result<call_request> read_call(call_opening opening = call_opening::recognised);
  [[nodiscard]] std::size_t memory() const noexcept {
    return memory_;
  } ///< estimate of all that was made

private:
  // Every step answers false once error_ has been set; then reading ends.
  bool run();
  bool step(opcode op);
  bool step_object(opcode op);
  bool step_memo(opcode op);
  bool step_text(opcode op);
  bool finish();
  bool skip_call_opening();

  bool refuse(std::string_view why);
  bool refuse(limit which, std::string_view why);
  [[nodiscard]] tl::unexpected<error> failure();
  bool refuse(refusal why, const value& part);
  bool refuse_hidden(const stack_item& item);
  bool refuse_opcode(opcode op);
  [[gnu::cold]] bool refuse_depth();
  [[gnu::cold]] bool refuse_short(std::size_t wanted);
  [[gnu::cold]] bool refuse_cost();
  [[gnu::cold]] bool refuse_stack(std::size_t wanted);
  bool need(std::size_t n) { return n <= in_.left() || refuse_short(n); }
  bool charge(std::size_t length, std::size_t parts = 0);
  bool room_for_one() {
    return stack_.size() < most_values_without_mark || !marks_.empty() || refuse_depth();
  }

  // Numbers and texts.
  bool protocol();
  bool frame();
  template <std::unsigned_integral Length>
  bool binary_integer();
  bool binary_float();
  template <std::unsigned_integral Length>
  bool counted_text(kind k);
  template <std::unsigned_integral Length>
  bool counted_ascii();
  bool text(kind k, std::string_view chars);
  bool line(std::string_view& text);
  bool integer_line(opcode op);
  bool float_line();
  bool string_line();
  bool unicode_line();

  // The stack and the memo.
  bool push(value v, std::size_t length = 0);
  bool push_hidden(stack_item item);
  bool have(std::size_t items) { return stack_.size() - fence_ >= items || refuse_stack(items); }
  bool mark();
  bool pop_mark(std::size_t& first);
  bool pop();
  bool duplicate();
  bool put(std::uint64_t index);
  bool get(std::uint64_t index);
  bool index_line(std::uint64_t& index);
  void drop(std::size_t first) {
    stack_.erase(stack_.begin() + static_cast<std::ptrdiff_t>(first), stack_.end());
  }
  [[nodiscard]] std::string_view type_of(const stack_item& item) const;

  // Containers.
  bool all_data(std::size_t first);
  bool shallow_enough(std::size_t first);
  bool make_tuple(std::size_t first);
  bool make_class_tuple(std::size_t first);
  bool make_list(std::size_t first);
  bool make_dict(std::size_t first);
  bool make_frozenset(std::size_t first);
  bool target_below(std::size_t first, kind k);
  bool append_from(std::size_t first);
  bool append_to(const value& list, std::size_t first);
  bool add_from(std::size_t first, const value& set);
  bool assign_from(std::size_t first, const value& dict);
  bool add_items(std::size_t first);
  bool set_items(std::size_t first);
  bool add_item(const value& set, value item);
  bool added_once(std::size_t before, std::size_t after);
  bool comparable(const value& key);
  bool within_compared();

  // Classes and what is made of them.
  bool global_line();
  bool stack_global();
  bool name_class(std::string_view module, std::string_view name);
  bool reduce();
  bool newobj();
  bool build();
  bool construct(const stack_item& callee, const stack_item& with, value& made);
  bool construct_set(kind k, const value& args, value& made);
  bool construct_complex(const value& args, value& made);
  bool construct_bytearray(const value& args, value& made);
  bool encode_latin1(const value& args, value& made);
  bool build_exception(const value& exception, const value& state);

  // Objects of added classes.
  bool reconstruct(const stack_item& with);
  bool construct_object(const python_types::entry& cls, construction made_by, const value& args,
                        value& made);
  bool build_object(const value& object, value state);
  [[nodiscard]] const value* object_below(std::size_t first) const;
  bool append_to_object(const value& object, std::size_t first);
  bool set_in_object(const value& object, std::size_t first);
  bool is_new_key(const value& ordered_dict, const value& key);
  [[nodiscard]] value as_exception(const value& object) const;

  // The CallRequest.
  bool new_call();
  bool build_call(const value& state);
  void make_state();
  [[nodiscard]] bool ends_call() const;
  bool build_call_from_stack();
  bool check_fields();
  [[nodiscard]] result<call_request> take_call();

  input in_;
  pickle_limits limits_; ///< as given, and no more than so many bytes can be worth
  unknown_class unknown_;
  const python_types* types_;
  std::size_t start_ = 0; ///< where the current opcode stands
  unsigned protocol_ = 0;
  std::size_t nodes_ = 0;
  std::size_t memory_ = 0;
  comparisons compared_;
  std::size_t fence_ = 0; ///< position of the topmost mark: what is below cannot be popped
  scratch_vector<stack_item, 24> stack_;
  scratch_vector<std::size_t, 8> marks_;
  memo memo_;
  std::vector<std::string> unknown_paths_;
  std::size_t stateless_ = 0; ///< objects made that have to get a state yet
  bool has_objects_ = false;
  std::map<const heap_value*, value> ordered_keys_; ///< a set for each OrderedDict
  std::array<value, 4> fields_;                     ///< func, args, kwargs, timeout
  unsigned fields_seen_ = 0;
  bool call_made_ = false;
  bool state_pending_ = false; ///< the dict of the fields is not made yet
  std::string error_;
  limit exceeded_ = limit::none; ///< what caused the error
};

inline bool reader::charge(std::size_t length, std::size_t parts) {
  nodes_ += 1 + parts;
  memory_ += 64 + length + 16 * parts;
  return (nodes_ <= limits_.nodes && memory_ <= limits_.memory_bytes) || refuse_cost();
}

inline bool reader::push(value v, std::size_t length) {
  if (!charge(length) || !room_for_one()) return false;
  stack_.emplace_back(std::move(v));
  return true;
}

} // namespace patio::pickle
