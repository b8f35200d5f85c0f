#include <patio/value/exception_message.hpp>

#include <algorithm>
#include <array>

#include <patio/base/printable.hpp>
#include <patio/base/utf8.hpp>
#include <patio/value/heap_value.hpp>
#include <patio/value/repr.hpp>

namespace patio::detail {
namespace {

using arguments_view = std::span<const value>;

// Every error makes a message, so the message of a peer's exception must take little time. Nested
// exceptions repeat the inner message at each level, and the digits of an integer cost the square
// of its size. So the limit here is far below the limit of repr().
constexpr std::uint64_t max_message_weight = std::uint64_t{1} << 16;

constexpr std::string_view builtin = "builtins.";

/// A pickle does not tell exceptions from other objects that Python makes by a call.
bool looks_like_exception(std::string_view type) noexcept {
  constexpr std::array ends{"Error",     "Exception", "Exit",    "Group",
                            "Interrupt", "Iteration", "Warning", "error"};
  return std::ranges::any_of(ends, [&](const char* end) { return type.ends_with(end); });
}

bool is_os_error(std::string_view type) noexcept {
  static constexpr std::array<std::string_view, 16> names{"OSError",
                                                          "BlockingIOError",
                                                          "BrokenPipeError",
                                                          "ChildProcessError",
                                                          "ConnectionAbortedError",
                                                          "ConnectionError",
                                                          "ConnectionRefusedError",
                                                          "ConnectionResetError",
                                                          "FileExistsError",
                                                          "FileNotFoundError",
                                                          "InterruptedError",
                                                          "IsADirectoryError",
                                                          "NotADirectoryError",
                                                          "PermissionError",
                                                          "ProcessLookupError",
                                                          "TimeoutError"};
  return std::find(names.begin(), names.end(), type) != names.end();
}

/// Returns "character '\xff'" or "byte 0xff", or "" if `index` is past the end.
std::string culprit(const value& object, std::size_t index) {
  std::string text;
  if (!object.is_text()) {
    if (index >= object.data().size()) return text;
    text = "byte 0x";
    append_hex(text, static_cast<unsigned char>(object.data()[index]), 2);
    return text;
  }
  auto rest = object.text();
  for (; index > 0 && !rest.empty(); --index)
    rest.remove_prefix(std::max<std::size_t>(1, decode_utf8(rest).size));
  if (rest.empty()) return text;
  text = "character '";
  append_code_point(text, decode_utf8(rest).code);
  return text + "'";
}

/// `args` are the object, the start, the end and the reason.
std::string unicode_message(std::string text, arguments_view args) {
  auto start = *args[1].as_int64(), end = *args[2].as_int64();
  auto one = end - 1 == start ? culprit(args[0], static_cast<std::size_t>(start)) : std::string{};
  if (!one.empty()) text += one + " in position " + std::to_string(start);
  else
    text += (args[0].is_text() ? "characters" : "bytes") + (" in position " + std::to_string(start))
            + "-" + std::to_string(end - 1);
  return text + ": " + to_str(args[3]);
}

bool fits_unicode_error(arguments_view args, bool text) {
  auto is_index = [](const value& v) {
    return v.kind() == kind::integer && v.as_int64().value_or(-1) >= 0;
  };
  if (args.size() != 4 || !is_index(args[1]) || !is_index(args[2])) return false;
  auto k = args[0].kind();
  return text ? k == kind::str : k == kind::bytes || k == kind::bytearray;
}

std::string codec_message(std::string_view verb, arguments_view args) {
  bool encode = verb == "encode";
  if (args.empty() || !fits_unicode_error(args.subspan(1), encode)) return plain_message(args);
  return unicode_message("'" + to_str(args[0]) + "' codec can't " + std::string{verb} + " ",
                         args.subspan(1));
}

std::string group_message(arguments_view args) {
  if (args.size() != 2 || (args[1].kind() != kind::list && args[1].kind() != kind::tuple))
    return plain_message(args);
  auto count = args[1].items().size();
  return to_str(args[0]) + " (" + std::to_string(count)
         + (count == 1 ? " sub-exception)" : " sub-exceptions)");
}

/// Returns the position of an argument of which the message shows a part that does not grow with
/// the argument: the text that cannot be decoded, the exceptions in a group. Else returns the
/// number of arguments.
std::size_t unprinted_argument(std::string_view type, arguments_view args) {
  auto kind_at = [&](std::size_t at) { return at < args.size() ? args[at].kind() : kind::none; };
  auto has_text = [&](std::size_t at) {
    return kind_at(at) == kind::str || kind_at(at) == kind::bytes || kind_at(at) == kind::bytearray;
  };
  auto has_list = [&](std::size_t at) {
    return kind_at(at) == kind::list || kind_at(at) == kind::tuple;
  };
  bool codec = type == "builtins.UnicodeDecodeError" || type == "builtins.UnicodeEncodeError";
  if (codec && args.size() == 5 && has_text(1)) return 1;
  if (type == "builtins.UnicodeTranslateError" && args.size() == 4 && has_text(0)) return 0;
  if (type == "json.decoder.JSONDecodeError" && args.size() == 3 && has_text(1)) return 1;
  bool group = type == "builtins.ExceptionGroup" || type == "builtins.BaseExceptionGroup";
  return group && args.size() == 2 && has_list(1) ? 1 : args.size();
}

bool are_too_heavy(arguments_view parts) {
  std::uint64_t weight = 0;
  for (const auto& part : parts)
    if (weight = saturating_add(weight, part.weight()); weight > max_message_weight) return true;
  return false;
}

bool is_too_heavy(const value& exception) {
  auto args = exception.exception_args();
  if (args.size() == 1 && args[0].is_text()) return false;
  auto left_out = unprinted_argument(exception.exception_type(), args);
  auto behind = std::min(left_out + 1, args.size());
  return are_too_heavy(args.first(left_out)) || are_too_heavy(args.subspan(behind))
         || are_too_heavy(exception.exception_file_names());
}

std::string builtin_message(std::string_view type, const value& exception) {
  auto args = exception.exception_args();
  if (type == "KeyError" && args.size() == 1) return repr_or_brief(args[0]);
  if (type == "UnicodeDecodeError") return codec_message("decode", args);
  if (type == "UnicodeEncodeError") return codec_message("encode", args);
  if (type == "UnicodeTranslateError" && fits_unicode_error(args, true))
    return unicode_message("can't translate ", args);
  if (type == "ExceptionGroup" || type == "BaseExceptionGroup") return group_message(args);
  if (type == "SyntaxError" || type == "IndentationError" || type == "TabError")
    return syntax_message(args);
  return is_os_error(type) ? os_message(exception) : plain_message(args);
}

struct file_names {
  const value* first = nullptr;
  const value* second = nullptr;
};

/// An exception that a C++ function raises has its file names among its arguments.
file_names file_names_of(const value& exception) {
  auto args = exception.exception_args(), names = exception.exception_file_names();
  if (!names.empty()) return {&names[0], names.size() > 1 ? &names[1] : nullptr};
  if (args.size() < 3 || args[2].is_none()) return {};
  bool counts = exception.exception_type() == "builtins.BlockingIOError"
                && args[2].kind() >= kind::boolean && args[2].kind() <= kind::complex;
  if (counts) return {};
  return {&args[2], args.size() == 5 && !args[4].is_none() ? &args[4] : nullptr};
}

} // namespace

std::string repr_or_brief(const value& v) {
  auto text = repr(v);
  return text ? *std::move(text) : brief(v);
}

// Recursion is bounded: no value is deeper than value::max_depth.
std::string plain_message(arguments_view args) {
  if (args.empty()) return {};
  if (args.size() > 1) {
    auto all = value::tuple({args.begin(), args.end()});
    return are_too_heavy(args) ? brief(all) : repr_or_brief(all);
  }
  bool is_object =
    args[0].kind() == kind::exception && !looks_like_exception(args[0].exception_type());
  return is_object ? repr_or_brief(args[0]) : to_str(args[0]);
}

std::string os_message(const value& exception) {
  auto args = exception.exception_args();
  if (args.size() < 2 || args.size() > 5) return plain_message(args);
  auto text = "[Errno " + to_str(args[0]) + "] " + to_str(args[1]);
  auto [first, second] = file_names_of(exception);
  if (first) text += ": " + repr_or_brief(*first);
  if (second) text += " -> " + repr_or_brief(*second);
  return text;
}

std::string syntax_message(arguments_view args) {
  if (args.empty()) return "None";
  auto text = to_str(args[0]);
  if (args.size() != 2 || args[1].kind() != kind::tuple || args[1].items().size() < 4) return text;
  auto place = args[1].items();
  std::string file, line;
  if (place[0].is_text()) file = place[0].text().substr(place[0].text().rfind('/') + 1);
  if (place[1].kind() == kind::integer) line = "line " + repr_or_brief(place[1]);
  auto comma = file.empty() || line.empty() ? "" : ", ";
  return file.empty() && line.empty() ? text : text + " (" + file + comma + line + ")";
}

std::string exception_message(const value& exception) {
  if (is_too_heavy(exception)) return brief(exception);
  auto type = exception.exception_type();
  if (type.starts_with(builtin)) return builtin_message(type.substr(builtin.size()), exception);
  if (auto known = library_message(exception)) return *std::move(known);
  return plain_message(exception.exception_args());
}

} // namespace patio::detail
