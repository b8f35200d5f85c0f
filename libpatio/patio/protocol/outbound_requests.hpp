/// Frames that we have sent and that wait for an answer, by serial. All frames of a sender share
/// one counter of serials. One session owns the table.
#pragma once

#include <cstdint>
#include <optional>

#include <patio/base/serial_table.hpp>
#include <patio/protocol/session_event.hpp>

namespace patio::protocol {

class outbound_requests {
public:
  using kind = awaited_answer::kind;

  /// Returns a serial for a frame without an answer.
  [[nodiscard]] std::uint32_t draw_serial() { return waiting_.draw(); }
  /// Returns a serial for a frame that the peer will answer. `begins_at` is the frame's offset in
  /// the output.
  std::uint32_t add(kind what, std::uint64_t token, std::uint64_t begins_at) {
    if (what == kind::request) ++requests_;
    return waiting_.insert({what, token, begins_at});
  }

  [[nodiscard]] bool awaits(kind what, std::uint32_t serial) noexcept {
    const auto* found = waiting_.find(serial);
    return found && found->what == what;
  }
  [[nodiscard]] bool awaits_any(std::uint32_t serial) noexcept {
    return waiting_.find(serial) != nullptr;
  }
  std::optional<awaited_answer> take(std::uint32_t serial) {
    auto taken = waiting_.take(serial);
    if (taken && taken->what == kind::request) --requests_;
    return taken;
  }
  /// Takes a request that ends before its answer. If the answer still arrives, it counts as late.
  std::optional<awaited_answer> abandon(std::uint32_t serial) {
    if (!awaits(kind::request, serial)) return {};
    ++abandoned_;
    return take(serial);
  }
  [[nodiscard]] serial_table<awaited_answer> take_all() noexcept {
    requests_ = 0;
    return waiting_.take_all();
  }

  /// Records an answer for which no frame waits. As long as abandoned requests are unanswered, the
  /// answer counts as the late answer to one of these requests. After that, the answer counts as
  /// unexpected. Returns false if more than `max` unexpected answers have come since the last
  /// `forgive`.
  [[nodiscard]] bool tolerate_answer(std::size_t max) noexcept {
    ++ignored_;
    if (abandoned_ > 0) {
      --abandoned_;
      return true;
    }
    return ++unexpected_ <= max;
  }
  void forgive() noexcept { unexpected_ = 0; }

  [[nodiscard]] std::size_t requests() const noexcept { return requests_; }
  /// Returns the number of answers for which no frame waited, including late answers.
  [[nodiscard]] std::uint64_t ignored() const noexcept { return ignored_; }

private:
  serial_table<awaited_answer> waiting_;
  std::size_t requests_ = 0;   ///< requests in `waiting_`
  std::size_t abandoned_ = 0;  ///< abandoned requests whose answers may still arrive
  std::size_t unexpected_ = 0; ///< unexpected answers since the last `forgive`
  std::uint64_t ignored_ = 0;
};

} // namespace patio::protocol
