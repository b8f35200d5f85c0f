/// Our frames that wait for the peer's answers, by serial. One counter of serials serves all frames
/// of a sender. A resource of one session.
#pragma once

#include <cstdint>
#include <optional>

#include <patio/base/serial_table.hpp>
#include <patio/protocol/session_event.hpp>

namespace patio::protocol {

class outbound_requests {
public:
  using kind = awaited_answer::kind;

  /// A serial for a frame that nobody answers.
  [[nodiscard]] std::uint32_t draw_serial() { return waiting_.draw(); }
  /// A serial for a frame that begins at this offset and will be answered.
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
  /// The same for a request that ends before its answer: the answer may still come, and is late
  /// then.
  std::optional<awaited_answer> abandon(std::uint32_t serial) {
    if (!awaits(kind::request, serial)) return {};
    ++abandoned_;
    return take(serial);
  }
  [[nodiscard]] serial_table<awaited_answer> take_all() noexcept {
    requests_ = 0;
    return waiting_.take_all();
  }

  /// Counts an answer that nobody waits for. An answer to an abandoned request is late and not
  /// counted; more than `max` of the others since the last `forgive` are a peer's fault: false.
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
  /// Answers that nobody waited for, late ones included.
  [[nodiscard]] std::uint64_t ignored() const noexcept { return ignored_; }

private:
  serial_table<awaited_answer> waiting_;
  std::size_t requests_ = 0;   ///< how many of those are requests
  std::size_t abandoned_ = 0;  ///< whose answers may still come
  std::size_t unexpected_ = 0; ///< answers since the last `forgive`
  std::uint64_t ignored_ = 0;
};

} // namespace patio::protocol
