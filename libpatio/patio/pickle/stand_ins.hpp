/// Stand-ins for what an exception carries and this node cannot decode: classes, functions, and
/// objects of any class. A stand-in is inert data, of kind object: nothing resolves or calls the
/// names in it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// Makes and changes stand-ins on the machine's stack. Each function that returns bool returns
/// false once the pickle is refused.
class stand_ins {
public:
  /// `m` must outlive this.
  explicit stand_ins(machine& m) noexcept : machine_{&m} {}

  /// Accounts for the stand-in of a class or function, and stores it in `named`.
  bool name(std::string_view module, std::string_view name, value& named);
  /// Pushes the object that Python would make of the class that `named` stands for.
  bool construct(const value& named, construction made_by, std::span<const value> args);
  /// Carries out REDUCE for a callee that is no class: functools.partial makes such a callee.
  bool call(const value& callee, std::span<const value> args);

  /// Carries out BUILD for the stand-in on top of the stack.
  bool set_state(value state);
  /// Turns an exception below `first` into a stand-in, because Python appends items to it: so it is
  /// an object of some other class.
  bool make_target(std::size_t first);

private:
  bool push(object_parts parts);

  machine* machine_;
};

/// True for a class of Python's library that is known and not an exception.
[[nodiscard]] bool is_known_object(std::string_view module, std::string_view name) noexcept;

/// Returns the exception that Python would make by a call of `path`. A function that gets the class
/// of the exception as an argument may stand in place of the class: copyreg, or a __reduce__ of the
/// user's, names such functions.
[[nodiscard]] value exception_of(std::string path, std::span<const value> args,
                                 std::vector<value> notes);
/// Returns the exception that a stand-in at the top of a pickle is.
[[nodiscard]] value exception_of(const object_parts& made);

/// Returns the exception with other notes.
[[nodiscard]] value with_notes(const value& exception, std::vector<value> notes);

/// Returns what an unfinished pickle of an exception has on its stack, with a stand-in that says
/// `why` for the rest. Returns None if the class of the exception is not known yet.
[[nodiscard]] value salvage(value_stack& stack, const std::string& why);

} // namespace patio::pickle
