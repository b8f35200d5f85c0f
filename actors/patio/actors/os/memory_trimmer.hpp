/// Gives memory that the process has freed back to the system while the process is quiet. malloc
/// keeps such memory otherwise, for example after many attackers have left. A value of one thread.
#pragma once

#include <chrono>
#include <cstddef>

#include <patio/actors/os/clock.hpp>
#include <patio/base/api.hpp>

namespace PATIO_API patio {

class memory_trimmer {
public:
  /// The time between two calls of `check`.
  static constexpr std::chrono::seconds interval{10};

  /// Returns true if it has trimmed the heap. Does nothing if the process has used more than a
  /// tenth of a processor since the last call, or if it keeps little more than it uses. Trims less
  /// often while that gives nothing back, because fragmented memory cannot be given back.
  bool check() noexcept;
  /// The same at any time; `cpu` is what all threads of the process have used until then.
  bool check(instant now, std::chrono::nanoseconds cpu) noexcept;

private:
  [[nodiscard]] bool was_busy(instant now, std::chrono::nanoseconds cpu) noexcept;
  void adapt(std::size_t before, std::size_t after) noexcept;

  instant last_check_ = clock_now();
  std::chrono::nanoseconds last_cpu_{};
  std::size_t resident_after_trim_ = 0; ///< bytes
  unsigned pause_ = 0;                  ///< number of checks to skip after a trim
  unsigned skipped_ = 0;
};

} // namespace patio
