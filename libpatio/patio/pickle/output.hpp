/// The bytes of a pickle during writing, divided into frames as CPython does it. The first kilobyte
/// needs no heap allocation.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include <patio/pickle/opcodes.hpp>

namespace patio::pickle {

class output {
public:
  // Does not clear the first kilobyte, because that would take longer than writing a short pickle.
  explicit output(std::size_t max_bytes) noexcept : max_bytes_{max_bytes} {}
  /// Writes into `memory`, whose size is the limit. Moves to the heap when more bytes are needed,
  /// if only for a frame's header that is removed later.
  explicit output(std::span<char> memory) noexcept
      : data_{memory.data()}, capacity_{memory.size()}, max_bytes_{memory.size()} {}
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  void put(opcode op) {
    *room(1) = static_cast<char>(op);
    ++size_;
  }
  /// Appends `bytes`. Appends nothing if the pickle would exceed the limit.
  void put(std::string_view bytes) {
    if (bytes.empty()) return;
    if (!fits(bytes.size())) {
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
    if (!fits(bytes.size())) {
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
  [[nodiscard]] bool is_full() const noexcept { return is_full_ || !fits(0); }
  [[nodiscard]] std::size_t max_bytes() const noexcept { return max_bytes_; }
  [[nodiscard]] std::string_view bytes() const noexcept { return {data_, size_}; }

private:
  static constexpr std::size_t frame_header = 9, min_frame = 4;
  /// Returns true if the pickle can end within the limit after `n` further bytes. The header of a
  /// short frame does not count, because close_frame() removes that header.
  [[nodiscard]] bool fits(std::size_t n) const noexcept {
    bool is_short = size_ - frame_ - frame_header + n < min_frame;
    std::size_t size = is_short ? size_ - frame_header : size_;
    return size <= max_bytes_ && n <= max_bytes_ - size;
  }
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
