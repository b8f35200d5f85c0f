/// Exceptions with which a C++ function raises what Python code should see. Of others,
/// std::bad_alloc, out_of_range, overflow_error, invalid_argument and domain_error arrive as
/// Python's counterparts, any other std::exception as RuntimeError("type: what").
#pragma once

#include <exception>
#include <string>

#include <patio/value/error.hpp>

namespace patio {

class python_error : public std::exception {
public:
  /// `type` is a built-in exception's name, e.g. "ValueError".
  python_error(std::string type, std::vector<value> args);
  explicit python_error(value exception);
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  [[nodiscard]] const value& exception() const noexcept { return exception_; }

private:
  value exception_;
  std::string what_;
};

/// Thrown to callers outside actors when a call ends without a value.
class call_error : public std::exception {
public:
  explicit call_error(error why);
  [[nodiscard]] const char* what() const noexcept override { return what_.c_str(); }
  [[nodiscard]] const error& why() const noexcept { return why_; }

private:
  error why_;
  std::string what_;
};

/// What the exception in flight is to Python. Call it inside a catch block only.
[[nodiscard]] error current_exception_error() noexcept;

} // namespace patio
