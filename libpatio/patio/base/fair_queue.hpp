/// A queue whose owners take turns, each one's things in their order, so that nobody waits behind
/// another's crowd.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace patio {

/// `Owner` can be compared by <.
template <class T, class Owner>
class fair_queue {
public:
  void push(T t, const Owner& owner) {
    auto& own = waiting_[owner];
    if (own.empty()) turns_.push_back(owner);
    own.push_back(std::move(t));
    ++size_;
  }

  /// The oldest of the owner whose turn it is; nothing if none waits.
  [[nodiscard]] std::optional<T> pop() {
    if (turns_.empty()) return {};
    auto at = waiting_.find(turns_.front());
    turns_.pop_front();
    std::optional<T> first{std::move(at->second.front())};
    at->second.pop_front();
    --size_;
    if (at->second.empty()) waiting_.erase(at);
    else turns_.push_back(at->first);
    return first;
  }

  /// Removes what fulfils the condition, by owners.
  template <class Condition>
  [[nodiscard]] std::vector<T> take(Condition condition) {
    std::vector<T> taken;
    for (auto& [owner, own] : waiting_) {
      std::deque<T> kept;
      for (auto& t : own)
        condition(t) ? taken.push_back(std::move(t)) : kept.push_back(std::move(t));
      own = std::move(kept);
    }
    std::erase_if(turns_, [&](const Owner& owner) { return waiting_.at(owner).empty(); });
    std::erase_if(waiting_, [](const auto& of_one) { return of_one.second.empty(); });
    size_ -= taken.size();
    return taken;
  }

  [[nodiscard]] std::vector<T> take() {
    return take([](const T&) { return true; });
  }

  /// Who has the most gives up its newest for one of `owner`, which must then still have no more
  /// than it.
  [[nodiscard]] std::optional<T> displace(const Owner& owner) {
    auto has_less = [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); };
    auto most = std::max_element(waiting_.begin(), waiting_.end(), has_less);
    auto own = waiting_.find(owner);
    if (most == waiting_.end()
        || most->second.size() < (own == waiting_.end() ? 0 : own->second.size()) + 2)
      return {};
    std::optional<T> newest{std::move(most->second.back())};
    most->second.pop_back(); // it has others
    --size_;
    return newest;
  }

  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  std::map<Owner, std::deque<T>> waiting_; ///< of those who have something
  std::deque<Owner> turns_;                ///< the same owners, once each
  std::size_t size_ = 0;
};

} // namespace patio
