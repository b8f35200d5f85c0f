/// Translates C++ exceptions to Python exceptions. A C++ function raises any Python exception by
/// throwing a python_error. std::bad_alloc, out_of_range, overflow_error, invalid_argument and
/// domain_error arrive as their Python counterparts. Any other std::exception arrives as
/// RuntimeError("type: what"). The classes are value types.
#pragma once

#include <exception>
#include <string>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>

namespace PATIO_API patio {

/// A function that throws a python_error raises the given Python exception at its caller.
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

/// Returns the error that Python code would see for the exception being handled. Call this function
/// only inside a catch block.
[[nodiscard]] error current_exception_error() noexcept;

} // namespace patio
