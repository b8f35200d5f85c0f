/// So many events a second for each key, for logs that a peer could flood. A resource of one
/// thread; remembers the keys of the current second only.
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

  [[nodiscard]] bool allow(std::string_view key, instant now) {
    if (now - begun_ >= std::chrono::seconds{1}) {
      begun_ = now;
      seen_.clear();
    }
    bool allowed = ++seen_[std::string{key}] <= per_second_;
    if (!allowed) ++refused_;
    return allowed;
  }

  /// Events refused since this was last asked.
  [[nodiscard]] std::size_t take_refused() noexcept { return std::exchange(refused_, 0); }

private:
  std::size_t per_second_;
  instant begun_ = instant::min() / 2;
  std::unordered_map<std::string, std::size_t> seen_;
  std::size_t refused_ = 0;
};

} // namespace patio
