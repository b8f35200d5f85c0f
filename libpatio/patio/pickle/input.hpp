/// The bytes of a pickle and a place in them. Nothing here reads past the end. Internal to the
/// pickle reader.
#pragma once

#include <bit>
#include <concepts>
#include <cstring>
#include <optional>
#include <string_view>

namespace patio::pickle {

class input {
public:
  explicit input(std::string_view bytes) noexcept : bytes_{bytes} {}

  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  [[nodiscard]] std::size_t left() const noexcept { return bytes_.size() - at_; }
  [[nodiscard]] std::string_view rest() const noexcept { return bytes_.substr(at_); }
  /// `n` must be at most left().
  void skip(std::size_t n) noexcept { at_ += n; }
  std::string_view take(std::size_t n) noexcept {
    std::string_view taken{bytes_.data() + at_, n};
    at_ += n;
    return taken;
  }

  /// sizeof(UInt) bytes, at most left().
  template <std::unsigned_integral UInt>
  [[nodiscard]] UInt little_endian() noexcept {
    static_assert(std::endian::native == std::endian::little, "a port must swap the bytes here");
    UInt number{};
    std::memcpy(&number, bytes_.data() + at_, sizeof number);
    at_ += sizeof number;
    return number;
  }

  /// Up to the next newline, which is skipped; nothing if there is none.
  [[nodiscard]] std::optional<std::string_view> line() noexcept {
    auto end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) return {};
    auto text = take(end - at_);
    ++at_;
    return text;
  }

private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

} // namespace patio::pickle
