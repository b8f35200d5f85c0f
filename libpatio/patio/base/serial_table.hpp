/// A table of items that wait for an answer. The key of an item is the serial of the message that
/// was sent. Serials count up from 1 and wrap around. The table skips 0 and every serial whose slot
/// is taken, so a new message never gets the serial of a call that still waits. A table belongs to
/// one thread. Lookups take constant time.
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
  /// `last` is the last serial used. A test passes a large number to reach the wrap-around.
  explicit serial_table(std::uint32_t last = 0) : last_{last} {}

  /// Returns the next serial without inserting an item, for a message whose answer is not looked up
  /// here.
  [[nodiscard]] std::uint32_t draw() noexcept {
    do ++last_;
    while (last_ == 0 || (!slots_.empty() && slots_[last_ & mask()].serial != 0));
    return last_;
  }

  /// Inserts an item under the next serial, and returns the serial.
  std::uint32_t insert(T item) {
    if (size_ * 2 >= slots_.size()) grow();
    auto serial = draw();
    slots_[serial & mask()] = {serial, std::move(item)};
    ++size_;
    return serial;
  }

  [[nodiscard]] T* find(std::uint32_t serial) noexcept {
    if (serial == 0 || slots_.empty()) return nullptr;
    auto& slot = slots_[serial & mask()];
    return slot.serial == serial ? &slot.item : nullptr;
  }

  [[nodiscard]] std::optional<T> take(std::uint32_t serial) {
    auto* item = find(serial);
    if (!item) return {};
    std::optional<T> taken{std::move(*item)};
    slots_[serial & mask()] = {};
    --size_;
    return taken;
  }

  /// Moves all items into another table. Does not allocate. Both tables continue with the next
  /// serial.
  [[nodiscard]] serial_table take_all() noexcept {
    serial_table all{last_};
    std::swap(all.slots_, slots_);
    all.size_ = std::exchange(size_, 0);
    return all;
  }

  /// Removes every item and passes it to `visit`, without allocating. `visit` may insert new items.
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
    std::uint32_t serial = 0; ///< 0 if the slot is free
    T item{};
  };
  using slots = std::vector<entry>;
  [[nodiscard]] std::uint32_t mask() const noexcept {
    return static_cast<std::uint32_t>(slots_.size() - 1);
  }

  // Two serials that differ modulo the old size also differ modulo twice that size, so no two items
  // collide.
  void grow() {
    slots larger(std::max<std::size_t>(16, slots_.size() * 2));
    std::swap(slots_, larger);
    for (auto& s : larger)
      if (s.serial != 0) slots_[s.serial & mask()] = std::move(s);
  }

  slots slots_; ///< a power of two, at most half full; empty until the first insert
  std::uint32_t last_;
  std::size_t size_ = 0;
};

} // namespace patio
