/// Advice to the operating system about the memory of large values. libpatio makes no system calls,
/// so the program installs a function that does.
#pragma once

#include <atomic>
#include <cstddef>

namespace patio {

/// Gets memory that is about to be filled. Any thread calls the function.
using memory_advice = void (*)(void* memory, std::size_t bytes) noexcept;

/// Null until a program installs a function.
inline std::atomic<memory_advice> large_memory_advice = nullptr;

inline constexpr std::size_t large_memory_bytes = std::size_t{4} << 20;

/// Call this for new memory before it is filled.
inline void advise_large_memory(void* memory, std::size_t bytes) noexcept {
  if (bytes < large_memory_bytes) return;
  if (auto advise = large_memory_advice.load(std::memory_order_relaxed)) advise(memory, bytes);
}

} // namespace patio
