/// The classes that a pickle may name: exact (module, name) pairs, compared as text and never
/// resolved. No state, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <patio/value/value.hpp>

namespace patio::pickle {

enum class class_kind : std::uint8_t {
  exception,       ///< a built-in one
  python2_oserror, ///< exceptions.OSError: protocols 0 to 2 write every subclass of OSError so
  set,
  frozenset,
  complex,
  bytearray,
  bytes,         ///< protocols 0 to 2: bytes() makes empty bytes
  encode,        ///< protocols 0 to 2: _codecs.encode(text, 'latin1') makes bytes
  object,        ///< protocols 0 and 1: an argument of the reconstructor
  reconstructor, ///< protocols 0 and 1: copyreg._reconstructor(CallRequest, object, None)
  new_object,    ///< protocols 0 and 1: copyreg.__newobj__(class, arguments...)
  call_request,
  user,    ///< in the table of python_types
  unknown, ///< outside the list; the object_builder decides
};

struct class_ref {
  class_kind kind = class_kind::unknown;
  std::uint8_t exception = 0; ///< position in the table of built-in exceptions
};

/// How an exception may leave for a Python peer without harm there.
enum class sending : std::uint8_t {
  as_itself,   ///< its constructor takes any arguments
  as_os_error, ///< the same, but a third argument is a file name
  /// Its constructor wants certain arguments, `except Exception` does not catch it, or old Pythons
  /// lack it.
  as_runtime_error
};

struct builtin_exception {
  std::string_view path; ///< "builtins.ValueError"
  sending policy;
  bool python2; ///< protocols 0 to 2 write it as exceptions.ValueError
  [[nodiscard]] constexpr std::string_view name() const noexcept { return path.substr(9); }
};

/// Empty if the class is not in the list.
[[nodiscard]] std::optional<class_ref> find_class(std::string_view module,
                                                  std::string_view name) noexcept;

/// Finds an exception by its full path. Null if Python has no such built-in exception.
[[nodiscard]] const builtin_exception* find_builtin_exception(std::string_view path) noexcept;

/// Returns the exception that CPython would build: OSError(2, ...) is a FileNotFoundError and keeps
/// two arguments. `cls.kind` must be one of the two exception kinds, and the arguments less deep
/// than value::max_depth.
[[nodiscard]] value make_exception(class_ref cls, std::vector<value> args);

} // namespace patio::pickle
