/// A fair queue: the owners of items take turns, and the items of one owner keep their order.
/// Between two of its own items, an owner waits for at most one item of each other owner. A queue
/// belongs to one thread.
#pragma once

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

  /// Removes and returns the items that fulfil the condition, ordered by owner, then oldest first.
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

  /// Removes and returns the owner's newest item. Returns nothing if the owner has none.
  [[nodiscard]] std::optional<T> drop_newest(const Owner& owner) {
    auto at = lines_.find(owner);
    if (at == lines_.end()) return {};
    std::optional<T> newest{std::move(at->second.back())};
    at->second.pop_back();
    --size_;
    if (at->second.empty()) {
      lines_.erase(at);
      std::erase(turns_, owner);
    }
    return newest;
  }

  /// Adds the number of each owner's items to `sizes`.
  void add_sizes(std::map<Owner, std::size_t>& sizes) const {
    for (const auto& [owner, line] : lines_) sizes[owner] += line.size();
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  std::map<Owner, std::deque<T>> lines_; ///< items by owner; no line is empty
  std::deque<Owner> turns_;              ///< the owners in lines_, each once; the front is next
  std::size_t size_ = 0;                 ///< the number of items in all lines
};

} // namespace patio
