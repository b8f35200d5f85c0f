/// Takes the words of the command line. CLI11 declares the options, converts their values and
/// prints the help.
#pragma once

#include <CLI/CLI.hpp>

namespace patio::apps {

/// Parses `argv`. One word is one positional argument or one value of an option, whatever the word
/// holds. CLI11 itself splits "[1,2]" into two words and drops "[]" and "++". Numbers are decimal,
/// because CLI11 reads 010 as 8. An option takes the next word, or the text after "="; neither may
/// be empty. A word that begins with "-" and a letter is an option, unless it is a number such as
/// -inf or follows "--". Throws CLI::ParseError, also for --help and --version.
void parse_command_line(CLI::App& app, int argc, const char* const* argv);

} // namespace patio::apps
