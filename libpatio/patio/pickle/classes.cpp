#include <patio/pickle/classes.hpp>

#include <algorithm>
#include <array>
#include <cerrno>

#include <patio/value/heap_value.hpp>
#include <patio/value/standard_types.hpp>

namespace patio::pickle {

using detail::class_of;
using detail::standard_class;
using detail::value_access;

namespace {

constexpr auto itself = sending::as_itself;
constexpr auto os_error = sending::as_os_error;
constexpr auto substitute = sending::as_runtime_error;

constexpr std::array builtin_exceptions{
  builtin_exception{"builtins.ArithmeticError", itself, true},
  builtin_exception{"builtins.AssertionError", itself, true},
  builtin_exception{"builtins.AttributeError", itself, true},
  builtin_exception{"builtins.BaseException", substitute, true},
  builtin_exception{"builtins.BaseExceptionGroup", substitute, false},
  builtin_exception{"builtins.BlockingIOError", os_error, false},
  builtin_exception{"builtins.BrokenPipeError", os_error, false},
  builtin_exception{"builtins.BufferError", itself, true},
  builtin_exception{"builtins.BytesWarning", itself, true},
  builtin_exception{"builtins.ChildProcessError", os_error, false},
  builtin_exception{"builtins.ConnectionAbortedError", os_error, false},
  builtin_exception{"builtins.ConnectionError", os_error, false},
  builtin_exception{"builtins.ConnectionRefusedError", os_error, false},
  builtin_exception{"builtins.ConnectionResetError", os_error, false},
  builtin_exception{"builtins.DeprecationWarning", itself, true},
  builtin_exception{"builtins.EOFError", itself, true},
  builtin_exception{"builtins.EncodingWarning", substitute, false},
  builtin_exception{"builtins.Exception", itself, true},
  builtin_exception{"builtins.ExceptionGroup", substitute, false},
  builtin_exception{"builtins.FileExistsError", os_error, false},
  builtin_exception{"builtins.FileNotFoundError", os_error, false},
  builtin_exception{"builtins.FloatingPointError", itself, true},
  builtin_exception{"builtins.FutureWarning", itself, true},
  builtin_exception{"builtins.GeneratorExit", substitute, true},
  builtin_exception{"builtins.ImportError", itself, true},
  builtin_exception{"builtins.ImportWarning", itself, true},
  builtin_exception{"builtins.IndentationError", substitute, true},
  builtin_exception{"builtins.IndexError", itself, true},
  builtin_exception{"builtins.InterruptedError", os_error, false},
  builtin_exception{"builtins.IsADirectoryError", os_error, false},
  builtin_exception{"builtins.KeyError", itself, true},
  builtin_exception{"builtins.KeyboardInterrupt", substitute, true},
  builtin_exception{"builtins.LookupError", itself, true},
  builtin_exception{"builtins.MemoryError", itself, true},
  builtin_exception{"builtins.ModuleNotFoundError", itself, false},
  builtin_exception{"builtins.NameError", itself, true},
  builtin_exception{"builtins.NotADirectoryError", os_error, false},
  builtin_exception{"builtins.NotImplementedError", itself, true},
  builtin_exception{"builtins.OSError", os_error, true},
  builtin_exception{"builtins.OverflowError", itself, true},
  builtin_exception{"builtins.PendingDeprecationWarning", itself, true},
  builtin_exception{"builtins.PermissionError", os_error, false},
  builtin_exception{"builtins.ProcessLookupError", os_error, false},
  builtin_exception{"builtins.PythonFinalizationError", substitute, false},
  builtin_exception{"builtins.RecursionError", itself, false},
  builtin_exception{"builtins.ReferenceError", itself, true},
  builtin_exception{"builtins.ResourceWarning", itself, false},
  builtin_exception{"builtins.RuntimeError", itself, true},
  builtin_exception{"builtins.RuntimeWarning", itself, true},
  builtin_exception{"builtins.StopAsyncIteration", substitute, false},
  builtin_exception{"builtins.StopIteration", substitute, true},
  builtin_exception{"builtins.SyntaxError", substitute, true},
  builtin_exception{"builtins.SyntaxWarning", itself, true},
  builtin_exception{"builtins.SystemError", itself, true},
  builtin_exception{"builtins.SystemExit", substitute, true},
  builtin_exception{"builtins.TabError", substitute, true},
  builtin_exception{"builtins.TimeoutError", os_error, false},
  builtin_exception{"builtins.TypeError", itself, true},
  builtin_exception{"builtins.UnboundLocalError", itself, true},
  builtin_exception{"builtins.UnicodeDecodeError", substitute, true},
  builtin_exception{"builtins.UnicodeEncodeError", substitute, true},
  builtin_exception{"builtins.UnicodeError", itself, true},
  builtin_exception{"builtins.UnicodeTranslateError", substitute, true},
  builtin_exception{"builtins.UnicodeWarning", itself, true},
  builtin_exception{"builtins.UserWarning", itself, true},
  builtin_exception{"builtins.ValueError", itself, true},
  builtin_exception{"builtins.Warning", itself, true},
  builtin_exception{"builtins.ZeroDivisionError", itself, true},
};
static_assert(std::ranges::is_sorted(builtin_exceptions, {}, &builtin_exception::path));

struct other_class {
  std::string_view module, name;
  class_kind kind;
};

// Protocols 0 to 2 contain the Python 2 names of these modules.
constexpr std::array other_classes{
  other_class{"patio.broker.tcp.broker", "CallRequest", class_kind::call_request},
  other_class{"array", "array", class_kind::array},
  other_class{"array", "_array_reconstructor", class_kind::array_reconstructor},
  other_class{"builtins", "set", class_kind::set},
  other_class{"builtins", "frozenset", class_kind::frozenset},
  other_class{"builtins", "complex", class_kind::complex},
  other_class{"builtins", "bytearray", class_kind::bytearray},
  other_class{"builtins", "bytes", class_kind::bytes},
  other_class{"builtins", "object", class_kind::object},
  other_class{"__builtin__", "set", class_kind::set},
  other_class{"__builtin__", "frozenset", class_kind::frozenset},
  other_class{"__builtin__", "complex", class_kind::complex},
  other_class{"__builtin__", "bytearray", class_kind::bytearray},
  other_class{"__builtin__", "bytes", class_kind::bytes},
  other_class{"__builtin__", "object", class_kind::object},
  other_class{"exceptions", "OSError", class_kind::python2_oserror},
  other_class{"_codecs", "encode", class_kind::encode},
  other_class{"copyreg", "_reconstructor", class_kind::reconstructor},
  other_class{"copy_reg", "_reconstructor", class_kind::reconstructor},
  other_class{"copyreg", "__newobj__", class_kind::new_object},
  other_class{"copy_reg", "__newobj__", class_kind::new_object},
};

const builtin_exception* find_exception_name(std::string_view name) noexcept {
  auto at = std::ranges::lower_bound(builtin_exceptions, name, {}, &builtin_exception::name);
  return at != builtin_exceptions.end() && at->name() == name ? &*at : nullptr;
}

constexpr std::uint8_t position_of(std::string_view path) {
  auto at = std::ranges::lower_bound(builtin_exceptions, path, {}, &builtin_exception::path);
  return static_cast<std::uint8_t>(at - builtin_exceptions.begin());
}

class_ref ref_to(const builtin_exception& e) noexcept {
  return {class_kind::exception, static_cast<std::uint8_t>(&e - builtin_exceptions.data())};
}

struct errno_class {
  int number;
  std::string_view path;
};

constexpr std::array errno_classes{
  errno_class{EAGAIN, "builtins.BlockingIOError"},
  errno_class{EALREADY, "builtins.BlockingIOError"},
  errno_class{EINPROGRESS, "builtins.BlockingIOError"},
  errno_class{EWOULDBLOCK, "builtins.BlockingIOError"},
  errno_class{EPIPE, "builtins.BrokenPipeError"},
  errno_class{ESHUTDOWN, "builtins.BrokenPipeError"},
  errno_class{ECHILD, "builtins.ChildProcessError"},
  errno_class{ECONNABORTED, "builtins.ConnectionAbortedError"},
  errno_class{ECONNREFUSED, "builtins.ConnectionRefusedError"},
  errno_class{ECONNRESET, "builtins.ConnectionResetError"},
  errno_class{EEXIST, "builtins.FileExistsError"},
  errno_class{ENOENT, "builtins.FileNotFoundError"},
  errno_class{EISDIR, "builtins.IsADirectoryError"},
  errno_class{ENOTDIR, "builtins.NotADirectoryError"},
  errno_class{EINTR, "builtins.InterruptedError"},
  errno_class{EACCES, "builtins.PermissionError"},
  errno_class{EPERM, "builtins.PermissionError"},
  errno_class{ESRCH, "builtins.ProcessLookupError"},
  errno_class{ETIMEDOUT, "builtins.TimeoutError"},
};

std::string_view class_of_errno(const value& number) {
  auto n = number.kind() == kind::integer ? number.as_int64() : std::nullopt;
  for (const auto& e : errno_classes)
    if (n == e.number) return e.path;
  return "builtins.OSError";
}

// CPython treats an object as a number if its class has an __int__ or a __float__.
bool is_number(const value& v) noexcept {
  auto c = class_of(v);
  return (v.kind() >= kind::boolean && v.kind() <= kind::complex) || c == standard_class::decimal
         || c == standard_class::uuid;
}

// OSError's constructor removes the file names from the arguments. The third argument of a
// BlockingIOError may instead be the number of characters written, which remains an argument.
std::vector<value> take_file_names(std::string_view path, std::vector<value>& args) {
  if (args.size() < 3 || args.size() > 5 || args[2].is_none()) return {};
  if (path == "builtins.BlockingIOError" && is_number(args[2])) return {};
  std::vector<value> names{args[2]};
  if (args.size() == 5 && !args[4].is_none()) names.push_back(args[4]);
  args.resize(2);
  return names;
}

} // namespace

std::optional<class_ref> find_class(std::string_view module, std::string_view name) noexcept {
  for (const auto& c : other_classes)
    if (c.name == name && c.module == module) return class_ref{c.kind, 0};
  if (module == "asyncio.exceptions" && name == "TimeoutError")
    return class_ref{class_kind::exception, position_of("builtins.TimeoutError")};
  if (module != "builtins" && module != "__builtin__" && module != "exceptions") return {};
  const auto* e = find_exception_name(name);
  if (!e || (module == "exceptions" && !e->python2)) return {};
  return ref_to(*e);
}

const builtin_exception* find_builtin_exception(std::string_view path) noexcept {
  return path.starts_with("builtins.") ? find_exception_name(path.substr(9)) : nullptr;
}

value make_exception(class_ref cls, std::vector<value> args) {
  bool python2 = cls.kind == class_kind::python2_oserror;
  auto path =
    python2 ? std::string_view{"builtins.OSError"} : builtin_exceptions[cls.exception].path;
  if (path == "builtins.OSError" && args.size() >= 2 && args.size() <= 5)
    path = class_of_errno(args[0]);
  // Protocols 0 to 2 do not contain the name of an OSError's subclass. Without arguments, the
  // exception is taken for a TimeoutError, which Python raises without an errno.
  if (python2 && args.empty()) path = "builtins.TimeoutError";
  const auto* e = find_builtin_exception(path);
  std::vector<value> names;
  if (e->policy == sending::as_os_error) names = take_file_names(path, args);
  auto made = value::exception(std::string{path}, std::move(args));
  (void)value_access::set_file_names(made, std::move(names)); // not deeper than the arguments
  return made;
}

} // namespace patio::pickle
