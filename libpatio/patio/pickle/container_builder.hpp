/// Tuples, lists, dicts and sets, made of the items above a position of the machine's stack.
#pragma once

#include <patio/pickle/machine.hpp>

namespace patio::pickle {

/// In every function `first` is the position of the lowest item that the container takes. The items
/// from there to the top leave the stack. Each function returns false once the pickle is refused.
class container_builder {
public:
  /// `m` must outlive this.
  explicit container_builder(machine& m) noexcept : machine_{&m} {}

  // These push the container.
  bool make_tuple(std::size_t first);
  bool make_list(std::size_t first);
  bool make_dict(std::size_t first);
  bool make_frozenset(std::size_t first);

  // These change the container below `first`, which stays on the stack.
  bool append_items(std::size_t first);
  bool set_items(std::size_t first);
  bool add_items(std::size_t first);

  bool add_item(const value& set, value item);

  /// From now on a key or an item of a set that comes twice is refused. What is equal here may
  /// differ in Python, and the reverse: Decimal("1") equals 1 there. Without objects the rule
  /// applies only to keys that hold a NaN, which Python compares by identity.
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
