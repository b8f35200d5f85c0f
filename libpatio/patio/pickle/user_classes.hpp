/// Makes objects of the classes in python_types: the user's own classes, and enabled classes of
/// Python's standard library.
#pragma once

#include <map>

#include <patio/pickle/container_builder.hpp>
#include <patio/pickle/machine.hpp>

namespace patio::pickle {

using detail::heap_value;

/// A function that returns bool returns false if it refuses the pickle.
class user_classes {
public:
  /// `m` and `containers` must outlive the user_classes.
  user_classes(machine& m, container_builder& containers) noexcept
      : machine_{&m}, containers_{&containers} {}

  /// Pushes the object of `cls` that Python would make from `args`.
  bool construct(const python_types::entry& cls, construction made_by, const value& args);
  /// Carries out BUILD.
  bool set_state(const value& object, value state);

  /// Returns the object just below `first`, or null if another item is there.
  [[nodiscard]] const value* target_below(std::size_t first) const;
  // Both functions move all stack items from index `first` upwards into the object.
  bool append_items(const value& object, std::size_t first);
  bool set_items(const value& object, std::size_t first);

  /// Returns true if every object that needs a state has a state.
  [[nodiscard]] bool all_complete() const noexcept { return incomplete_ == 0; }

private:
  bool is_new_key(const value& ordered_dict, const value& key);

  machine* machine_;
  container_builder* containers_;
  std::size_t incomplete_ = 0;                      ///< objects that still need a state
  std::map<const heap_value*, value> ordered_keys_; ///< a set of keys for each OrderedDict
};

/// Returns an object of a user's class as an exception with the same class path, arguments and
/// notes. Returns an object of a standard class as it is.
[[nodiscard]] value as_exception(const value& object);

} // namespace patio::pickle
