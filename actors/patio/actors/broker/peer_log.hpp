/// Writes a broker's log lines about its peers: one line per event, in key=value form. A budget of
/// lines per second keeps a flood of events out of the log. One broker actor owns the peer_log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/base/rate_limit.hpp>

namespace patio {

class peer_log {
public:
  /// Each network may cause `lines_per_second` warnings, and as many other lines. All networks
  /// together may cause ten times as many lines.
  explicit peer_log(std::size_t lines_per_second, instant (*now)() = clock_now)
      : warnings_{lines_per_second}, news_{lines_per_second}, now_{now} {}

  /// Logs a warning. `peer` is HOST:PORT, or empty for an event of the node itself. The reason may
  /// contain text that the peer sent.
  void warn(std::string_view event, const std::string& peer, std::string_view reason);
  /// Logs an event of normal operation. `details` is empty or begins with a space.
  void tell(std::string_view event, const std::string& peer, std::string_view details);

private:
  struct budget {
    explicit budget(std::size_t lines) : network{lines}, all{10 * lines} {}
    rate_limit network, all; ///< lines per second
  };

  void note(log_level level, budget& lines, const std::string& peer, std::string line);

  budget warnings_, news_;
  instant (*now_)();
};

/// Returns ` reason="..."`, in which characters that could break the line are escaped.
[[nodiscard]] std::string reason_field(std::string_view reason);

} // namespace patio
