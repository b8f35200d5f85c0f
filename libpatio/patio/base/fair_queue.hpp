/// A fair queue: the owners of items take turns, and the items of one owner keep their order.
/// Between two items of its own, an owner waits for at most one item of each other owner. Owned by
/// one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace patio {

/// `Owner` has operator<.
template <class T, class Owner>
class fair_queue {
public:
  void push(T item, const Owner& owner) {
    auto& line = lines_[owner];
    if (line.empty()) turns_.push_back(owner);
    line.push_back(std::move(item));
    ++size_;
  }

  /// Removes the oldest item of the owner whose turn it is. Returns nothing if the queue is empty.
  [[nodiscard]] std::optional<T> pop() {
    if (turns_.empty()) return {};
    auto at = lines_.find(turns_.front());
    turns_.pop_front();
    std::optional<T> oldest{std::move(at->second.front())};
    at->second.pop_front();
    --size_;
    if (at->second.empty()) lines_.erase(at);
    else turns_.push_back(at->first);
    return oldest;
  }

  /// Removes the items that fulfil the condition. Returns them ordered by owner, then by age.
  template <class Condition>
  [[nodiscard]] std::vector<T> remove_if(Condition condition) {
    std::vector<T> removed;
    for (auto& [owner, line] : lines_) {
      std::deque<T> kept;
      for (auto& item : line) {
        if (condition(item)) removed.push_back(std::move(item));
        else kept.push_back(std::move(item));
      }
      line = std::move(kept);
    }
    std::erase_if(turns_, [&](const Owner& owner) { return lines_.at(owner).empty(); });
    std::erase_if(lines_, [](const auto& entry) { return entry.second.empty(); });
    size_ -= removed.size();
    return removed;
  }

  [[nodiscard]] std::vector<T> remove_all() {
    return remove_if([](const T&) { return true; });
  }

  /// Makes room in a full queue for an item of `owner` by longest-queue drop: removes and returns
  /// the newest item of the owner that has the most items. Returns nothing if the new item would
  /// then give `owner` the longer line, so that a full queue ends up shared out evenly.
  [[nodiscard]] std::optional<T> evict_for(const Owner& owner) {
    auto is_shorter = [](const auto& a, const auto& b) {
      return a.second.size() < b.second.size();
    };
    auto longest = std::max_element(lines_.begin(), lines_.end(), is_shorter);
    if (longest == lines_.end()) return {};
    auto own = lines_.find(owner);
    auto own_size = own == lines_.end() ? 0 : own->second.size();
    if (longest->second.size() < own_size + 2) return {}; // one item leaves, and one comes
    std::optional<T> newest{std::move(longest->second.back())};
    longest->second.pop_back(); // the line keeps at least one item, and so its turn
    --size_;
    return newest;
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  std::map<Owner, std::deque<T>> lines_; ///< the items of each owner that has any
  std::deque<Owner> turns_;              ///< the same owners, each once; the first is next
  std::size_t size_ = 0;                 ///< items of all lines
};

} // namespace patio
