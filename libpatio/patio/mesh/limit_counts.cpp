#include <patio/mesh/limit_counts.hpp>

#include <string>

#include <patio/protocol/limit_table.hpp>

namespace patio::mesh {

void limit_counts::note(error& why, const limits& bounds) const {
  if (why.exceeded == limit::none) return;
  why.limit_note = "limit " + std::string{to_string(why.exceeded)};
  // The length of a pool's queue is the pool's own option.
  if (why.exceeded != limit::queue_per_worker)
    why.limit_note += "=" + limit_value(bounds, why.exceeded);
}

void limit_counts::count(error& why, const limits& bounds) {
  if (why.exceeded == limit::none) return;
  auto times = ++counts_[static_cast<std::size_t>(why.exceeded)];
  note(why, bounds);
  why.limit_note += ", exceeded " + std::to_string(times) + " times";
}

} // namespace patio::mesh
