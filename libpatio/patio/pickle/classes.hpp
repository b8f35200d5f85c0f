/// The classes that a pickle may name: exact (module, name) pairs, which are compared as text and
/// never resolved. Any thread may call these functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <patio/value/value.hpp>

namespace patio::pickle {

enum class class_kind : std::uint8_t {
  exception,       ///< a built-in exception
  python2_oserror, ///< exceptions.OSError, the name of every OSError subclass in protocols 0 to 2
  set,
  frozenset,
  complex,
  bytearray,
  bytes,               ///< protocols 0 to 2: bytes() makes empty bytes
  encode,              ///< protocols 0 to 2: _codecs.encode(text, 'latin1') makes bytes
  object,              ///< protocols 0 and 1: an argument of the reconstructor
  reconstructor,       ///< protocols 0 and 1: copyreg._reconstructor(CallRequest, object, None)
  new_object,          ///< protocols 0 and 1: copyreg.__newobj__(class, arguments...)
  array,               ///< the first argument of the array_reconstructor
  array_reconstructor, ///< array._array_reconstructor(array.array, typecode, format, bytes)
  call_request,
  user,    ///< a class in python_types
  unknown, ///< any other class; the object_builder refuses it or makes an exception
};

struct class_ref {
  class_kind kind = class_kind::unknown;
  std::uint8_t exception = 0; ///< position in the table of built-in exceptions
};

/// The form in which an exception can be sent to a Python peer without harm to the peer.
enum class sending : std::uint8_t {
  as_itself,   ///< the constructor takes any arguments
  as_os_error, ///< the constructor takes any arguments, but takes a third argument as a file name
  /// The constructor requires certain arguments, `except Exception` does not catch the exception,
  /// or older Pythons do not have the class.
  as_runtime_error
};

struct builtin_exception {
  std::string_view path; ///< "builtins.ValueError"
  sending policy;
  bool python2; ///< protocols 0 to 2 write the module as "exceptions"
  [[nodiscard]] constexpr std::string_view name() const noexcept { return path.substr(9); }
};

/// Returns nothing if the class is not in the list.
[[nodiscard]] std::optional<class_ref> find_class(std::string_view module,
                                                  std::string_view name) noexcept;

/// Finds an exception by its full path. Returns null if Python has no such built-in exception.
[[nodiscard]] const builtin_exception* find_builtin_exception(std::string_view path) noexcept;

/// Returns the exception that CPython would build. For instance, OSError(2, ...) becomes a
/// FileNotFoundError with two arguments, and with its file names beside them. `cls.kind` must be
/// `exception` or `python2_oserror`. Each argument must be less deep than value::max_depth.
[[nodiscard]] value make_exception(class_ref cls, std::vector<value> args);

} // namespace patio::pickle
