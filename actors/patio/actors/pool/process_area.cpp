#include <patio/actors/pool/process_area.hpp>

#include <algorithm>

namespace patio {

// A damaged worker may release more or fewer payloads than it has read. Then its own requests are
// overwritten, or travel over the socket.
std::span<char> process_area::room() noexcept {
  if (memory_.empty()) return {};
  if (released_->load(std::memory_order_acquire) == kept_) used_ = 0;
  return memory_.subspan(used_);
}

process_area::place process_area::keep(std::size_t size) noexcept {
  constexpr std::size_t cache_line = 64;
  place at{used_, size};
  used_ = std::min(used_ + (size + cache_line - 1) / cache_line * cache_line, memory_.size());
  ++kept_;
  return at;
}

std::optional<std::string_view> process_area::find(place at) const noexcept {
  if (at.offset > memory_.size() || at.size > memory_.size() - at.offset) return {};
  return std::string_view{memory_.data() + at.offset, static_cast<std::size_t>(at.size)};
}

} // namespace patio
