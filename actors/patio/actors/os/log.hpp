/// The library's log: one line for each event, as "key=value" fields. By default warnings and
/// errors go to standard error, from a thread of their own, so that a reader that does not read
/// never blocks a node. The default sink counts the lines that standard error does not take in
/// time, and logs the count. The embedding program may replace the sink. The functions run on any
/// thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>

namespace PATIO_API patio {

enum class log_level : unsigned char { debug, info, warning, error, off };

void set_log_level(log_level lowest);
[[nodiscard]] bool is_logged(log_level level) noexcept;

/// Replaces the sink. An empty function restores the default sink. The sink runs on the thread that
/// logs, which may serve all connections of a node, so it must not block.
void set_log_sink(std::function<void(log_level, std::string_view)> sink);

void log(log_level level, std::string_view text);

/// Queues a line for standard error as it stands, behind the lines of the default sink. The line
/// ends with a newline.
void print_to_standard_error(std::string line);
/// Waits until standard error has taken the lines of the default sink. Gives up, and returns false,
/// after a second without progress, or after five seconds. The exit of the process does the same,
/// but std::_Exit and an end by a signal do not.
bool flush_log();

/// Makes text from a peer safe for the log: escapes the characters that would break a line, a
/// quoted value or a terminal, and truncates the text after `max_bytes`. Keeps backslashes, because
/// the quoted parts of a reason are already escaped.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 300);

} // namespace patio
