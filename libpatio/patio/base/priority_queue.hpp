/// A fair_queue for each priority. The priorities share the turns as priority_turns says, and the
/// owners within a priority take turns. A queue belongs to one thread.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <patio/base/fair_queue.hpp>
#include <patio/base/priority.hpp>

namespace patio {

/// `Owner` has operator<.
template <class T, class Owner>
class priority_queue {
public:
  void push(T item, const Owner& owner, priority p) { line(p).push(std::move(item), owner); }

  /// Removes the item whose turn it is. Returns nothing if the queue is empty.
  [[nodiscard]] std::optional<T> pop() {
    std::array<bool, priority_count> waiting{};
    bool any = false;
    for (std::size_t p = 0; p < priority_count; ++p) {
      waiting[p] = !lines_[p].empty();
      any = any || waiting[p];
    }
    if (!any) return {};
    return line(turns_.next(waiting)).pop();
  }

  /// Removes and returns the items that fulfil the condition, ordered by priority, then by owner,
  /// then oldest first.
  template <class Condition>
  [[nodiscard]] std::vector<T> remove_if(Condition condition) {
    std::vector<T> removed;
    for (auto& each : lines_)
      for (auto& item : each.remove_if(condition)) removed.push_back(std::move(item));
    return removed;
  }
  [[nodiscard]] std::vector<T> remove_all() {
    return remove_if([](const T&) { return true; });
  }

  /// Makes room in a full queue for an item of `owner` with priority `p`. Removes and returns the
  /// newest item in the lowest priority of the owner with the most items (longest queue drop), or
  /// an item of `owner` itself with a lower priority than `p`. Returns nothing if there is neither.
  [[nodiscard]] std::optional<T> evict_for(const Owner& owner, priority p) {
    std::map<Owner, std::size_t> totals;
    for (const auto& each : lines_) each.add_sizes(totals);
    auto longest = longest_of(totals);
    auto own = totals.find(owner);
    auto own_size = own == totals.end() ? 0 : own->second;
    // `owner` must not end up with more items than the other owner.
    if (longest != totals.end() && longest->second >= own_size + 2)
      return drop_newest(longest->first, priority::high);
    return drop_newest(owner, static_cast<priority>(static_cast<std::size_t>(p) + 1));
  }

  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] std::size_t size() const noexcept {
    std::size_t all = 0;
    for (const auto& each : lines_) all += each.size();
    return all;
  }

private:
  [[nodiscard]] fair_queue<T, Owner>& line(priority p) {
    return lines_[static_cast<std::size_t>(p)];
  }
  static auto longest_of(const std::map<Owner, std::size_t>& totals) {
    auto longest = totals.begin();
    for (auto at = totals.begin(); at != totals.end(); ++at)
      if (at->second > longest->second) longest = at;
    return longest;
  }
  /// Drops from the owner's lowest priority, but from none higher than `highest`.
  std::optional<T> drop_newest(const Owner& owner, priority highest) {
    for (auto p = priority_count; p > static_cast<std::size_t>(highest); --p)
      if (auto dropped = lines_[p - 1].drop_newest(owner)) return dropped;
    return {};
  }

  std::array<fair_queue<T, Owner>, priority_count> lines_; ///< by priority
  priority_turns turns_;
};

} // namespace patio
