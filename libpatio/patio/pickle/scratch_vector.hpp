/// A vector that needs no heap allocation for its first elements.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

namespace patio::pickle {

/// Room for N elements. The room is not copyable, because allocators point to it.
template <class T, std::size_t N>
struct inline_room {
  inline_room() noexcept {} // not cleared: that would take longer than a short pickle
  inline_room(const inline_room&) = delete;
  inline_room& operator=(const inline_room&) = delete;
  alignas(T) std::array<std::byte, sizeof(T) * N> bytes;
  bool taken = false;
};

/// Allocates for one vector. Uses the inline_room if the elements fit there, otherwise the heap.
template <class T, std::size_t N>
class inline_allocator {
public:
  using value_type = T;
  template <class U>
  struct rebind {
    using other = inline_allocator<U, N>;
  };
  explicit inline_allocator(inline_room<T, N>& room) noexcept : room_{&room} {}
  [[nodiscard]] T* allocate(std::size_t n) {
    if (n > N || room_->taken) return std::allocator<T>{}.allocate(n);
    room_->taken = true;
    return reinterpret_cast<T*>(room_->bytes.data());
  }
  void deallocate(T* p, std::size_t n) noexcept {
    if (reinterpret_cast<std::byte*>(p) == room_->bytes.data()) room_->taken = false;
    else std::allocator<T>{}.deallocate(p, n);
  }
  friend bool operator==(const inline_allocator& a, const inline_allocator& b) noexcept {
    return a.room_ == b.room_;
  }

private:
  inline_room<T, N>* room_;
};

template <class T, std::size_t N>
class scratch_vector : private inline_room<T, N>, public std::vector<T, inline_allocator<T, N>> {
public:
  scratch_vector() : std::vector<T, inline_allocator<T, N>>(inline_allocator<T, N>{*this}) {
    this->reserve(N);
  }
};

} // namespace patio::pickle
