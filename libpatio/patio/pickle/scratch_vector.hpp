/// A vector that needs no heap allocation for its first elements.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace patio::pickle {

template <class T, std::size_t N>
class scratch_vector {
  static_assert(std::is_nothrow_move_constructible_v<T>);

public:
  scratch_vector() noexcept {
  } // does not clear the room: that would take longer than a short pickle
  scratch_vector(const scratch_vector&) = delete;
  scratch_vector& operator=(const scratch_vector&) = delete;
  ~scratch_vector() {
    clear();
    if (begin_ != room()) allocator{}.deallocate(begin_, capacity());
  }

  [[nodiscard]] bool empty() const noexcept { return begin_ == end_; }
  [[nodiscard]] std::size_t size() const noexcept {
    return static_cast<std::size_t>(end_ - begin_);
  }
  [[nodiscard]] std::size_t capacity() const noexcept {
    return static_cast<std::size_t>(room_end_ - begin_);
  }
  [[nodiscard]] T* begin() noexcept { return begin_; }
  [[nodiscard]] T* end() noexcept { return end_; }
  [[nodiscard]] T& operator[](std::size_t at) noexcept { return begin_[at]; }
  [[nodiscard]] const T& operator[](std::size_t at) const noexcept { return begin_[at]; }
  [[nodiscard]] T& back() noexcept { return end_[-1]; }
  [[nodiscard]] const T& back() const noexcept { return end_[-1]; }

  template <class... Args>
  void emplace_back(Args&&... args) {
    if (end_ == room_end_) grow(2 * size());
    ::new (static_cast<void*>(end_)) T(std::forward<Args>(args)...);
    ++end_;
  }
  void push_back(const T& element) { emplace_back(T{element}); }
  void pop_back() noexcept { std::destroy_at(--end_); }
  /// Removes the elements from position `first` on.
  void truncate(std::size_t first) noexcept {
    std::destroy(begin_ + first, end_);
    end_ = begin_ + first;
  }
  void clear() noexcept { truncate(0); }
  void reserve(std::size_t capacity) {
    if (capacity > this->capacity()) grow(capacity);
  }

  /// Returns the room for further elements. The caller constructs elements at its front and then
  /// calls extend_to() with the end of them.
  [[nodiscard]] T* room_begin() noexcept { return end_; }
  [[nodiscard]] T* room_end() noexcept { return room_end_; }
  void extend_to(T* end) noexcept { end_ = end; }

private:
  using allocator = std::allocator<T>;
  [[nodiscard]] T* room() noexcept { return reinterpret_cast<T*>(room_.data()); }
  [[gnu::noinline]] void grow(std::size_t capacity) {
    T* larger = allocator{}.allocate(capacity);
    T* end = std::uninitialized_move(begin_, end_, larger);
    std::destroy(begin_, end_);
    if (begin_ != room()) allocator{}.deallocate(begin_, this->capacity());
    begin_ = larger;
    end_ = end;
    room_end_ = larger + capacity;
  }

  alignas(T) std::array<std::byte, sizeof(T) * N> room_;
  T* begin_ = room();
  T* end_ = begin_;
  T* room_end_ = begin_ + N;
};

} // namespace patio::pickle
