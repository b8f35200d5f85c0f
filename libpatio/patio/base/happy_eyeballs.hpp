/// Decides which address of a host to connect to, and when: Happy Eyeballs as in RFC 8305. Has no
/// sockets and no clock; its owner connects, and reports the failures. A value of one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/time.hpp>

namespace PATIO_INTERNAL_API patio {

enum class ip_family : std::uint8_t { v4, v6 };

struct dial_address {
  ip_family family;
  std::string text; ///< "10.0.0.7:15383": names the address in failures()
};

class happy_eyeballs {
public:
  /// The time that an attempt has before the next one begins beside it (RFC 8305, section 8).
  static constexpr std::chrono::milliseconds attempt_delay{250};

  /// The addresses come in the resolver's order, which says which one it prefers.
  happy_eyeballs(std::vector<dial_address> addresses, instant deadline);

  /// Returns the index of an address that the owner connects to now, beside the attempts that have
  /// begun before. Returns nothing if it is too early for another attempt, or if there is none.
  /// Call this until it returns nothing: after the start, after a failure, and at wake_at().
  [[nodiscard]] std::optional<std::size_t> begin_next(instant now);
  /// The attempt has failed. The next one may begin at once.
  void failed(std::size_t index, std::string reason, instant now);

  /// Returns when the next attempt is due, at the latest the deadline.
  [[nodiscard]] instant wake_at() const noexcept;
  /// Returns whether every attempt has failed, or the deadline has passed.
  [[nodiscard]] bool is_over(instant now) const noexcept;
  /// Returns how many addresses have not failed, whether they have been tried or not.
  [[nodiscard]] std::size_t remaining() const noexcept { return attempts_.size() - failed_; }
  /// Names the addresses in the order of their attempts, each with the reason of its failure.
  /// The text has one line, so it counts the rest of very many addresses.
  [[nodiscard]] std::string failures() const;

private:
  struct attempt {
    std::size_t index; ///< in the addresses
    bool begun = false;
    std::optional<std::string> failure = {};
  };

  [[nodiscard]] bool has_next() const noexcept { return begun_ < attempts_.size(); }
  [[nodiscard]] std::string outcome_of(const attempt& a) const;

  std::vector<dial_address> addresses_;
  std::vector<attempt> attempts_; ///< in their order
  std::size_t begun_ = 0, failed_ = 0;
  instant next_at_ = instant::min();
  instant deadline_;
};

/// Returns the indexes of the addresses in the order of the attempts: the families take turns, and
/// each family keeps its own order. The first address stays the first.
[[nodiscard]] std::vector<std::size_t> interleaved(const std::vector<dial_address>& addresses);

} // namespace patio
