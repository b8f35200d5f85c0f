/// The library's log: one line for each event, in the form "key=value". By default spdlog writes
/// warnings and errors to standard error; the embedding program may change that. Any thread.
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

/// Escapes the characters that would break a line, a "value" in the line, or a terminal, and cuts
/// the text after `max_bytes`. For a reason that contains text from a peer. Keeps backslashes: the
/// quoted parts of a reason are escaped already.
[[nodiscard]] std::string printable(std::string_view text, std::size_t max_bytes = 300);

} // namespace patio
