#include <patio/actors/os/memory_trimmer.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include <patio/actors/os/socket.hpp>

namespace patio {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20;
constexpr std::size_t tolerated = 8 * mebibyte; ///< resident beside what is in use: stacks, caches
constexpr std::size_t little = mebibyte;        ///< a trim that gives back less was fruitless
constexpr unsigned longest_pause = 60;          ///< checks: ten minutes

std::chrono::nanoseconds cpu_time() noexcept {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return std::chrono::seconds{t.tv_sec} + std::chrono::nanoseconds{t.tv_nsec};
}

/// Returns the bytes of private memory of the process that are in RAM, or 0 if /proc does not say.
/// Allocates nothing.
std::size_t resident_bytes() noexcept {
  unique_fd statm{::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)};
  char text[128] = "";
  if (!statm || ::read(statm.get(), text, sizeof text - 1) <= 0) return 0;
  std::size_t total = 0, resident = 0, shared = 0;
  if (std::sscanf(text, "%zu %zu %zu", &total, &resident, &shared) != 3) return 0;
  return (resident - std::min(resident, shared)) * static_cast<std::size_t>(::getpagesize());
}

/// Returns the bytes that are allocated and not freed.
std::size_t bytes_in_use() noexcept {
  auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

std::size_t distance(std::size_t a, std::size_t b) noexcept { return a > b ? a - b : b - a; }

} // namespace

bool memory_trimmer::was_busy(instant now, std::chrono::nanoseconds cpu) noexcept {
  bool busy = (cpu - last_cpu_) * 10 > now - last_check_;
  last_check_ = now;
  last_cpu_ = cpu;
  return busy;
}

bool memory_trimmer::check() noexcept { return check(clock_now(), cpu_time()); }

bool memory_trimmer::check(instant now, std::chrono::nanoseconds cpu) noexcept {
  if (was_busy(now, cpu)) {
    pause_ = 0;
    return false;
  }
  auto before = resident_bytes(), in_use = bytes_in_use();
  if (before <= in_use + std::max(tolerated, in_use / 4)) return false;
  if (distance(before, resident_after_trim_) > 4 * little) pause_ = 0;
  if (skipped_ < pause_) {
    ++skipped_;
    return false;
  }
  (void)::malloc_trim(0);
  adapt(before, resident_bytes());
  return true;
}

void memory_trimmer::adapt(std::size_t before, std::size_t after) noexcept {
  bool fruitless = after + little > before;
  pause_ = fruitless ? std::clamp(pause_ * 2, 1U, longest_pause) : 0;
  skipped_ = 0;
  resident_after_trim_ = after;
}

} // namespace patio
