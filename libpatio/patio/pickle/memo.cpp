#include <patio/pickle/memo.hpp>

namespace patio::pickle {

bool memo::put_out_of_order(std::uint64_t index, const stack_item& item) {
  if (index > dense_.size()) return !sparse_.insert_or_assign(index, item).second;
  if (index < dense_.size()) {
    dense_[index] = item;
    return true;
  }
  sparse_.erase(index);
  dense_.push_back(item);
  return true;
}

} // namespace patio::pickle
