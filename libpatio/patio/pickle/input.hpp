/// The bytes of a pickle and a position in them. The caller must check left() before it takes
/// bytes.
#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>

namespace patio::pickle {

class input {
public:
  explicit input(std::string_view bytes) noexcept : bytes_{bytes} {}

  [[nodiscard]] std::size_t size() const noexcept { return bytes_.size(); }
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - position_; }
  [[nodiscard]] std::string_view rest() const noexcept { return bytes_.substr(position_); }
  /// `n` must be at most left().
  void skip(std::size_t n) noexcept { position_ += n; }
  /// Takes the next `n` bytes; `n` must be at most left().
  std::string_view take(std::size_t n) noexcept {
    std::string_view taken{bytes_.data() + position_, n};
    position_ += n;
    return taken;
  }

  /// Takes sizeof(UInt) bytes, which must be at most left().
  template <std::unsigned_integral UInt>
  [[nodiscard]] UInt little_endian() noexcept {
    static_assert(std::endian::native == std::endian::little, "a port must swap the bytes here");
    UInt number{};
    std::memcpy(&number, bytes_.data() + position_, sizeof number);
    position_ += sizeof number;
    return number;
  }

  /// Takes the text up to the next newline, and skips the newline. Returns nothing if no newline
  /// follows.
  [[nodiscard]] std::optional<std::string_view> line() noexcept {
    auto end = bytes_.find('\n', position_);
    if (end == std::string_view::npos) return {};
    auto text = take(end - position_);
    ++position_;
    return text;
  }

private:
  std::string_view bytes_;
  std::size_t position_ = 0;
};

} // namespace patio::pickle
