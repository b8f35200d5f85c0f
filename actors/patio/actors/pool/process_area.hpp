/// One direction of the memory that a process pool shares with a worker. It holds the payloads of
/// large messages. The socket carries only their places, in the order of the writes.
///
/// The writer appends payloads. When the reader has released all of them, the writer begins at the
/// front again, so that it writes to memory that is in use already. Payloads that do not fit travel
/// over the socket.
///
/// The reader must not trust the content while the writer can change it. A pool copies a payload
/// before it decodes the payload. A worker trusts its pool.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace patio {

class process_area {
public:
  /// Where a payload is in the area, in bytes.
  struct place {
    std::uint64_t offset = 0, size = 0;
    friend bool operator==(const place&, const place&) = default;
  };

  process_area() = default;
  /// `released` counts the payloads that the reader has released. It is in shared memory, too.
  process_area(std::span<char> memory, std::atomic<std::uint32_t>& released) noexcept
      : memory_{memory}, released_{&released} {}

  // The writer:

  /// Returns the memory for the next payload.
  [[nodiscard]] std::span<char> room() noexcept;
  /// Keeps the first `size` bytes of the room until the reader releases them.
  [[nodiscard]] place keep(std::size_t size) noexcept;

  // The reader:

  /// Returns the payload, or nothing if the place is not within the area.
  [[nodiscard]] std::optional<std::string_view> find(place at) const noexcept;
  /// Call this once for each place, also for a payload that is not read.
  void release() noexcept { released_->fetch_add(1, std::memory_order_release); }

  [[nodiscard]] std::size_t size() const noexcept { return memory_.size(); }

private:
  std::span<char> memory_;
  std::atomic<std::uint32_t>* released_ = nullptr;
  std::size_t used_ = 0;
  std::uint32_t kept_ = 0; ///< payloads so far
};

} // namespace patio
