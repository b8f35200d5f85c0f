#include <patio/pickle/written_memo.hpp>

#include <random>

namespace patio::pickle {
namespace {

struct secret {
  std::uint64_t first, second;
};

// A peer may choose the short texts, so it must not be able to predict their hashes.
secret random_secret() {
  std::random_device source;
  auto word = [&] { return (std::uint64_t{source()} << 32) | source() | 1; };
  return {word(), word()};
}

std::uint64_t folded_product(std::uint64_t a, std::uint64_t b) noexcept {
  __extension__ using wide = unsigned __int128;
  auto product = static_cast<wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

} // namespace

std::size_t written_memo::hash(const key& k) noexcept {
  static const secret s = random_secret();
  return folded_product(folded_product(k[0] ^ s.first, s.second) ^ k[1], s.first);
}

void written_memo::place(const key& k, std::uint32_t slot) noexcept {
  auto at = hash(k) & mask_;
  while (slots_[at] != 0) at = (at + 1) & mask_;
  keys_[at] = k;
  slots_[at] = slot;
}

void written_memo::grow() {
  auto size = (mask_ + 1) * 4;
  auto old_keys = std::vector<key>(keys_, keys_ + mask_ + 1);
  auto old_slots = std::vector<std::uint32_t>(slots_, slots_ + mask_ + 1);
  heap_keys_.assign(size, key{});
  heap_slots_.assign(size, 0);
  keys_ = heap_keys_.data();
  slots_ = heap_slots_.data();
  mask_ = size - 1;
  for (std::size_t i = 0; i < old_slots.size(); ++i)
    if (old_slots[i] != 0) place(old_keys[i], old_slots[i]);
}

} // namespace patio::pickle
