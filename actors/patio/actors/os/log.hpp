/// The library's log: one line an event, "key=value". Written by spdlog to standard error from
/// warnings up, until the embedding program says otherwise. Any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace patio {

enum class log_level : unsigned char { debug, info, warning, error, off };

void set_log_level(log_level least);
[[nodiscard]] bool is_logged(log_level level) noexcept;

/// Replaces the sink; an empty function restores the default one.
void set_log_sink(std::function<void(log_level, std::string_view)> sink);

void log(log_level level, std::string_view text);

/// Escapes what would break a line, a "value" in it, or a terminal, and cuts at `longest` bytes:
/// for a reason with text that came from a peer. Backslashes stay, as what is quoted in it is
/// escaped already.
[[nodiscard]] std::string printable(std::string_view text, std::size_t longest = 300);

} // namespace patio
