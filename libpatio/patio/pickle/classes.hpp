/// The classes that a pickle may name: exact (module, name) pairs, compared as text and never
/// resolved. Internal to the pickle reader and writer. No state, any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <patio/value/value.hpp>

namespace patio::pickle {

enum class class_kind : std::uint8_t {
  exception,       ///< a built-in one
  python2_oserror, ///< exceptions.OSError, which stands for every subclass of OSError in protocols
                   ///< 0 to 2
  set,
  frozenset,
  complex,
  bytearray,
  bytes,         ///< protocols 0 to 2: bytes()
  encode,        ///< protocols 0 to 2: _codecs.encode(text, 'latin1') makes bytes
  object,        ///< protocols 0 and 1: an argument of the next
  reconstructor, ///< protocols 0 and 1: copyreg._reconstructor(CallRequest, object, None)
  new_object,    ///< protocols 0 and 1: copyreg.__newobj__(class, arguments...)
  call_request,
  user,    ///< in the table of python_types
  unknown, ///< not in the list; the reader decides
};

struct class_ref {
  class_kind kind = class_kind::unknown;
  std::uint8_t exception = 0; ///< position in builtin_exceptions
};

/// How an exception may leave for a Python peer without harm there.
enum class sending : std::uint8_t {
  as_itself,       ///< its constructor takes any arguments
  as_os_error,     ///< likewise, but a third argument is a file name
  as_runtime_error ///< constructor with other arguments, raised past `except Exception`, or missing
                   ///< in old Pythons
};

struct builtin_exception {
  std::string_view path; ///< "builtins.ValueError"
  sending how;
  bool python2; ///< known as exceptions.ValueError in protocols 0 to 2
  [[nodiscard]] constexpr std::string_view name() const noexcept { return path.substr(9); }
};

/// What follows the first frame's length in a CallRequest of protocols 4 and 5, and fills memo
/// entries 0 to 4: the module's and the class's names, the class, the object, the dict of its
/// fields.
inline constexpr std::string_view call_opening_bytes = "\x8c\x17patio.broker.tcp.broker\x94\x8c\x0b"
                                                       "CallRequest\x94\x93\x94)\x81\x94}\x94(";
inline constexpr std::uint32_t memoized_in_call_opening = 5;

[[nodiscard]] std::optional<class_ref> find_class(std::string_view module,
                                                  std::string_view name) noexcept;

/// By its full path; null if there is none.
[[nodiscard]] const builtin_exception* find_builtin_exception(std::string_view path) noexcept;

/// The exception that CPython would build: OSError(2, ...) is a FileNotFoundError and keeps two
/// arguments. `which.kind` must be one of the two exception kinds, and the arguments less deep than
/// value::max_depth.
[[nodiscard]] value make_exception(class_ref which, std::vector<value> args);

} // namespace patio::pickle
