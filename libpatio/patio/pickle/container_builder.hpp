/// Makes tuples, lists, dicts and sets of the items above a position in the machine's stack.
#pragma once

#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// In every function `first` is the position of the lowest item that the container takes. The
/// function removes the items from `first` to the top from the stack. A function returns false if
/// it refuses the pickle.
class container_builder {
public:
  /// `m` must outlive the container_builder.
  explicit container_builder(machine& m) noexcept : machine_{&m} {}

  // These functions push the new container.
  bool make_tuple(std::size_t first);
  bool make_list(std::size_t first);
  bool make_dict(std::size_t first);
  bool make_frozenset(std::size_t first);

  // These functions add to the container just below `first`, which stays on the stack.
  bool append_items(std::size_t first);
  bool set_items(std::size_t first);
  bool add_items(std::size_t first);

  bool add_item(const value& set, value item);

  /// From now on, refuses a dict key or a set item that occurs twice. Values that are unequal here
  /// may be equal in Python, and the reverse: Python's Decimal("1") equals 1. Before this call,
  /// only a repeated key that contains a NaN is refused, because Python compares such keys by
  /// identity.
  void refuse_twins() noexcept { refuse_twins_ = true; }

private:
  bool shallow_enough(std::size_t first);
  bool make_class_tuple(std::size_t first);
  bool has_target(std::size_t first, kind k);
  bool append_to(const value& list, std::size_t first);
  bool assign_to(const value& dict, std::size_t first);
  bool add_to(const value& set, std::size_t first);
  bool comparable(const value& key);
  bool added_once(std::size_t before, std::size_t after);

  machine* machine_;
  bool refuse_twins_ = false;
};

} // namespace patio::pickle
