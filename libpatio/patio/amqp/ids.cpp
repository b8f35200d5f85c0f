#include <patio/amqp/ids.hpp>

#include <cstring>

namespace patio::amqp {
namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::size_t pool_bytes = 1024;
/// The sizes of the groups of a UUID's digits.
constexpr unsigned groups[] = {8, 4, 4, 4, 12};

char digit_at(const call_key& key, unsigned index) noexcept {
  auto half = index < 16 ? key.high : key.low;
  return digits[(half >> (60 - 4 * (index % 16))) & 15];
}

} // namespace

std::string to_text(const call_key& key) {
  std::string text;
  text.reserve(36);
  unsigned index = 0;
  for (auto group : groups) {
    if (index > 0) text += '-';
    for (unsigned i = 0; i < group; ++i) text += digit_at(key, index++);
  }
  return text;
}

std::optional<call_key> parse_call_key(std::string_view text) noexcept {
  if (text.size() != 36) return {};
  call_key key;
  unsigned index = 0, at = 0;
  for (auto group : groups) {
    if (index > 0 && text[at++] != '-') return {};
    for (unsigned i = 0; i < group; ++i, ++index) {
      auto digit = digits.find(text[at++]);
      if (digit == std::string_view::npos) return {};
      auto& half = index < 16 ? key.high : key.low;
      half = (half << 4) | digit;
    }
  }
  return key;
}

std::uint64_t id_source::number() {
  std::uint64_t n = 0;
  if (pool_.size() < sizeof n) pool_ = random_(pool_bytes);
  std::memcpy(&n, pool_.data() + pool_.size() - sizeof n, sizeof n);
  pool_.resize(pool_.size() - sizeof n);
  return n;
}

call_key id_source::next_call() {
  constexpr std::uint64_t version = 0x4000, variant = std::uint64_t{1} << 63;
  auto high = (number() & ~std::uint64_t{0xf000}) | version;
  auto low = (number() & ~(std::uint64_t{3} << 62)) | variant;
  return {high, low};
}

std::string id_source::hex() {
  call_key key{number(), number()};
  std::string text;
  text.reserve(32);
  for (unsigned i = 0; i < 32; ++i) text += digit_at(key, i);
  return text;
}

} // namespace patio::amqp
