/// The bytes of a pickle during writing, divided into frames as CPython does it. The first kilobyte
/// needs no heap allocation.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <memory>
#include <string_view>

#include <patio/pickle/opcodes.hpp>

namespace patio::pickle {

class output {
public:
  // Does not clear the first kilobyte, because that would take longer than writing a short pickle.
  explicit output(std::size_t max_bytes) noexcept : max_bytes_{max_bytes} {}
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  void put(opcode op) {
    *room(1) = static_cast<char>(op);
    ++size_;
  }
  /// Appends `bytes`. Appends nothing if the pickle would exceed the limit.
  void put(std::string_view bytes) {
    if (bytes.empty()) return;
    if (bytes.size() > max_bytes_ - std::min(size_, max_bytes_)) {
      is_full_ = true;
      return;
    }
    std::memcpy(room(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  /// Appends an opcode and a number, little endian.
  template <std::unsigned_integral UInt>
  void put(opcode op, UInt number) {
    static_assert(std::endian::native == std::endian::little, "a port must swap the bytes here");
    char* at = room(1 + sizeof number);
    *at = static_cast<char>(op);
    std::memcpy(at + 1, &number, sizeof number);
    size_ += 1 + sizeof number;
  }

  /// Appends an opcode, a number and bytes. Appends nothing if the pickle would exceed the limit.
  template <std::unsigned_integral UInt>
  void put(opcode op, UInt number, std::string_view bytes) {
    if (bytes.size() > max_bytes_ - std::min(size_, max_bytes_)) {
      is_full_ = true;
      return;
    }
    char* at = room(1 + sizeof number + bytes.size());
    *at = static_cast<char>(op);
    std::memcpy(at + 1, &number, sizeof number);
    std::copy(bytes.begin(), bytes.end(), at + 1 + sizeof number);
    size_ += 1 + sizeof number + bytes.size();
  }

  // CPython ends a frame between two values once the frame has 64 KiB. CPython writes a text of 64
  // KiB or more outside of frames, and writes no header for a frame of fewer than four bytes.
  static constexpr std::size_t frame_target = std::size_t{64} * 1024;
  void open_frame();
  void close_frame();
  void between_values() {
    if (size_ - frame_ < frame_target + frame_header) return;
    close_frame();
    open_frame();
  }

  /// Returns true if the limit is exceeded. bytes() is then not a valid pickle, because bytes may
  /// be missing.
  [[nodiscard]] bool is_full() const noexcept { return is_full_ || size_ > max_bytes_; }
  [[nodiscard]] std::size_t max_bytes() const noexcept { return max_bytes_; }
  [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

private:
  static constexpr std::size_t frame_header = 9;
  /// Returns a pointer to room for the next `n` bytes.
  char* room(std::size_t n) {
    if (capacity_ - size_ < n) grow(n);
    return data_ + size_;
  }
  void grow(std::size_t n);

  std::array<char, 1024> short_;
  std::unique_ptr<char[]> long_; ///< used once short_ is too small
  char* data_ = short_.data();
  std::size_t capacity_ = short_.size();
  std::size_t size_ = 0;
  std::size_t frame_ = 0; ///< the position of the open frame's header
  std::size_t max_bytes_;
  bool is_full_ = false;
};

} // namespace patio::pickle
