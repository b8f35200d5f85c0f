/// The message of an exception as Python's str() gives it. Pure functions; any thread.
#pragma once

#include <optional>
#include <span>
#include <string>

#include <patio/value/value.hpp>

namespace patio::detail {

[[nodiscard]] std::string repr_or_brief(const value& v);

/// Returns the message of an exception of Python's library, or of BaseException for any other
/// class. Every message is short or takes time in proportion to what arrived: no part is printed
/// that shared parts make large.
[[nodiscard]] std::string exception_message(const value& exception);

/// Returns the message that BaseException makes of the arguments.
[[nodiscard]] std::string plain_message(std::span<const value> args);

/// Returns the message of an exception whose class Python's library defines outside builtins. A
/// pickle has no name of a base class, so only the classes in this function's table are known.
/// Returns nothing for other classes, and for arguments that do not fit.
[[nodiscard]] std::optional<std::string> library_message(const value& exception);

/// Returns the message of OSError.
[[nodiscard]] std::string os_message(const value& exception);

/// Returns the message of SyntaxError(message, (file, line, ...)), with the file and the line.
[[nodiscard]] std::string syntax_message(std::span<const value> args);

} // namespace patio::detail
