/// What waits for an answer, by the serial it was sent under. Serials count up from 1, skip 0, and
/// skip any that is still in use, so that a call that takes for ever is never met by its own number
/// again.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace patio {

template <class T>
class serial_table {
public:
  /// `last` is the serial used last: a test begins near the wrap-around with it.
  explicit serial_table(std::uint32_t last = 0) : last_{last} {}

  /// A serial for something that nobody will look up.
  [[nodiscard]] std::uint32_t draw() noexcept {
    do ++last_;
    while (last_ == 0 || (!slots_.empty() && slots_[last_ & mask()].serial != 0));
    return last_;
  }

  std::uint32_t insert(T item) {
    if (size_ * 2 >= slots_.size()) grow();
    auto serial = draw();
    slots_[serial & mask()] = {serial, std::move(item)};
    ++size_;
    return serial;
  }

  [[nodiscard]] T* find(std::uint32_t serial) noexcept {
    if (serial == 0 || slots_.empty()) return nullptr;
    auto& at = slots_[serial & mask()];
    return at.serial == serial ? &at.item : nullptr;
  }

  [[nodiscard]] std::optional<T> take(std::uint32_t serial) {
    auto* item = find(serial);
    if (!item) return {};
    std::optional<T> taken{std::move(*item)};
    slots_[serial & mask()] = {};
    --size_;
    return taken;
  }

  /// Takes all there is, without any memory for it.
  template <class Visit> // Visit(serial, T&&)
  void drain(Visit visit) {
    auto all = std::exchange(slots_, {});
    size_ = 0;
    for (auto& s : all)
      if (s.serial != 0) visit(s.serial, std::move(s.item));
  }

  [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
  struct entry {
    std::uint32_t serial = 0; ///< 0 if free
    T item{};
  };
  using slots = std::vector<entry>;
  [[nodiscard]] std::uint32_t mask() const noexcept {
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }

  // Two serials that differ modulo the old size differ modulo the new one, so nothing collides.
  void grow() {
    slots larger(std::max<std::size_t>(16, slots_.size() * 2));
    std::swap(slots_, larger);
    for (auto& s : larger)
      if (s.serial != 0) slots_[s.serial & mask()] = std::move(s);
  }

  slots slots_; ///< none until something waits
  std::uint32_t last_;
  std::size_t size_ = 0;
};

} // namespace patio
