#include <patio/pickle/budget.hpp>

namespace patio::pickle {

bool budget::refuse_cost() {
  if (nodes_ > limits_.nodes)
    return reason_->refuse(limit::pickle_nodes,
                           "more than " + std::to_string(limits_.nodes) + " values");
  return reason_->refuse(limit::pickle_memory_bytes,
                         "more than " + std::to_string(limits_.memory_bytes) + " bytes of memory");
}

bool budget::refuse_memo() {
  return reason_->refuse(limit::pickle_memo_entries,
                         "more than " + std::to_string(limits_.memo_entries) + " memo entries");
}

bool budget::refuse_comparisons() {
  return reason_->refuse(limit::pickle_compared_bytes, "more than "
                                                         + std::to_string(limits_.compared_bytes)
                                                         + " bytes of keys compared");
}

bool budget::refuse_depth() {
  return reason_->refuse(limit::pickle_depth,
                         "nested deeper than "
                           + std::to_string(std::min(limits_.depth, value::max_depth)));
}

} // namespace patio::pickle
