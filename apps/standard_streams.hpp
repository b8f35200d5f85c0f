/// Standard input, output and error of the command. Each may be closed, full, or a pipe that nobody
/// reads; no failure passes in silence.
#pragma once

#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio::apps {

/// Writes the text to standard output and returns the exit code: `ok`, or `lost` after an error
/// line that says why the text could not be written.
[[nodiscard]] int print_text(std::string_view text);

/// Prints "patio: ", the message and a newline on standard error. Waits for a reader, but no longer
/// than flush_log() does: the command must end even if nobody reads.
void print_error(const std::string& message);

/// Reads the file, or standard input if the path is "-". An error names the path.
[[nodiscard]] result<std::string> read_input(const std::string& path, std::size_t max_bytes);

/// Makes the signals and the end of the process those that a command needs, whatever it was started
/// with. Call it first in main.
void prepare_process();

} // namespace patio::apps
