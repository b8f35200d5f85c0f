/// Allows a fixed number of events a second for each key, so that a peer cannot flood a log. A
/// rate_limit reads no clock, and remembers only the keys of the current second. Each object
/// belongs to one thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <patio/base/time.hpp>

namespace patio {

class rate_limit {
public:
  explicit rate_limit(std::size_t per_second) : per_second_{per_second} {}

  /// Counts one event of `key`. Returns false if the event exceeds the limit.
  [[nodiscard]] bool allow(std::string_view key, instant now) {
    if (now - second_began_ >= std::chrono::seconds{1}) {
      second_began_ = now;
      seen_.clear();
    }
    bool allowed = ++seen_[std::string{key}] <= per_second_;
    if (!allowed) ++refused_;
    return allowed;
  }

  /// Returns the number of events refused since the last call.
  [[nodiscard]] std::size_t take_refused() noexcept { return std::exchange(refused_, 0); }

private:
  std::size_t per_second_;
  instant second_began_ = instant::min() / 2;
  std::unordered_map<std::string, std::size_t> seen_;
  std::size_t refused_ = 0;
};

} // namespace patio
