/// Numbers and texts of AMQP 0-9-1. Numbers are big endian. Functions without state.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace patio::amqp {

/// Reads the fields of one frame. A field that does not fit into the rest of the frame is empty or
/// 0, and all later fields are as well. The caller checks `failed` at the end.
class byte_reader {
public:
  explicit byte_reader(std::string_view bytes) noexcept : rest_{bytes} {}

  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  void fail() noexcept {
    failed_ = true;
    rest_ = {};
  }

  template <std::unsigned_integral UInt>
  [[nodiscard]] UInt number() noexcept {
    std::uint64_t n = 0;
    for (char c : text(sizeof(UInt))) n = (n << 8) | static_cast<unsigned char>(c);
    return static_cast<UInt>(n);
  }
  /// A view of the frame's bytes.
  [[nodiscard]] std::string_view text(std::size_t length) noexcept {
    if (length > rest_.size()) {
      fail();
      return {};
    }
    auto taken = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return taken;
  }
  [[nodiscard]] std::string_view short_string() noexcept { return text(number<std::uint8_t>()); }
  [[nodiscard]] std::string_view long_string() noexcept { return text(number<std::uint32_t>()); }

private:
  std::string_view rest_;
  bool failed_ = false;
};

template <std::unsigned_integral UInt>
void put_number(std::string& out, UInt number) {
  for (int shift = 8 * (static_cast<int>(sizeof number) - 1); shift >= 0; shift -= 8)
    out += static_cast<char>((std::uint64_t{number} >> shift) & 0xff);
}

/// The most bytes of a short string: names of queues, correlation ids and so on.
inline constexpr std::size_t max_short_string = 255;

/// Throws std::length_error for more than 255 bytes. The caller has checked texts of users before.
inline void put_short_string(std::string& out, std::string_view text) {
  if (text.size() > max_short_string) throw std::length_error{"a short string has over 255 bytes"};
  put_number(out, static_cast<std::uint8_t>(text.size()));
  out += text;
}

inline void put_long_string(std::string& out, std::string_view text) {
  put_number(out, static_cast<std::uint32_t>(text.size()));
  out += text;
}

} // namespace patio::amqp
