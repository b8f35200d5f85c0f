/// Exceptions by which a C++ function raises a Python exception. std::bad_alloc, out_of_range,
/// overflow_error, invalid_argument and domain_error arrive as their Python counterparts. Any other
/// std::exception arrives as RuntimeError("type: what"). Value types.
#pragma once

#include <exception>
#include <string>

#include <patio/value/error.hpp>

namespace patio {

/// Raises the given Python exception.
class python_error : public std::exception {
public:
  /// `type` is the name of a built-in exception, e.g. "ValueError".
  python_error(std::string type, std::vector<value> args);
  explicit python_error(value exception);
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  [[nodiscard]] const value& exception() const noexcept { return exception_; }

private:
  value exception_;
  std::string what_;
};

/// The exception that callers outside actors get when a call ends without a value.
class call_error : public std::exception {
public:
  explicit call_error(error why);
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  [[nodiscard]] const error& why() const noexcept { return why_; }

private:
  error why_;
  std::string what_;
};

/// Returns the exception that is being handled, as Python code would see it. Call it only inside a
/// catch block.
[[nodiscard]] error current_exception_error() noexcept;

} // namespace patio
