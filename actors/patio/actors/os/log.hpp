/// The library's log: one line for each event, as "key=value" fields. By default spdlog writes
/// warnings and errors to standard error. The embedding program may replace the sink. The functions
/// run on any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace patio {

enum class log_level : unsigned char { debug, info, warning, error, off };

void set_log_level(log_level lowest);
[[nodiscard]] bool is_logged(log_level level) noexcept;

/// Replaces the sink. An empty function restores the default sink.
void set_log_sink(std::function<void(log_level, std::string_view)> sink);

void log(log_level level, std::string_view text);

/// Makes text from a peer safe for the log: escapes the characters that would break a line, a
/// quoted value or a terminal, and truncates the text after `max_bytes`. Keeps backslashes, because
/// the quoted parts of a reason are already escaped.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 300);

} // namespace patio
