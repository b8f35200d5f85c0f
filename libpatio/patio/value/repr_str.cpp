#include <patio/value/repr.hpp>

#include <algorithm>
#include <array>

#include <patio/base/printable.hpp>
#include <patio/base/utf8.hpp>

namespace patio {
namespace {

using arguments_view = std::span<const value>;

// Each error is turned into a message, so the message of a peer's exception must take little time.
// Nested exceptions repeat the inner message at each level, and the time for the digits of an
// integer grows with the square of its size. The limit here is therefore far below the limit of
// repr().
constexpr std::uint64_t max_message_weight = std::uint64_t{1} << 16;

std::string repr_or_brief(const value& v) {
  auto text = repr(v);
  return text ? *std::move(text) : brief(v);
}

// Returns str() of a BaseException. Recursion is bounded: no value is deeper than value::max_depth.
std::string plain_message(arguments_view args) {
  if (args.empty()) return {};
  if (args.size() == 1) return to_str(args[0]);
  return repr_or_brief(value::tuple({args.begin(), args.end()}));
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

std::string os_message(arguments_view args) {
  if (args.size() < 2 || args.size() > 5) return plain_message(args);
  auto text = "[Errno " + to_str(args[0]) + "] " + to_str(args[1]);
  bool named = args.size() > 2 && (args[2].kind() == kind::str || args[2].kind() == kind::bytes);
  return named ? text + ": " + repr_or_brief(args[2]) : text;
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

/// Returns the message of SyntaxError(message, (file, line, ...)), with the file and the line.
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

std::string exception_message(std::string_view type, arguments_view args) {
  constexpr std::string_view builtin = "builtins.";
  if (!type.starts_with(builtin)) return plain_message(args);
  type.remove_prefix(builtin.size());
  if (type == "KeyError" && args.size() == 1) return repr_or_brief(args[0]);
  if (type == "UnicodeDecodeError") return codec_message("decode", args);
  if (type == "UnicodeEncodeError") return codec_message("encode", args);
  if (type == "UnicodeTranslateError" && fits_unicode_error(args, true))
    return unicode_message("can't translate ", args);
  if (type == "ExceptionGroup" || type == "BaseExceptionGroup") return group_message(args);
  if (type == "SyntaxError" || type == "IndentationError" || type == "TabError")
    return syntax_message(args);
  return is_os_error(type) ? os_message(args) : plain_message(args);
}

} // namespace

std::string to_str(const value& v) {
  if (v.is_text()) return std::string{v.text()};
  if (v.kind() != kind::exception) return repr_or_brief(v);
  auto args = v.exception_args();
  bool one_text = args.size() == 1 && args[0].is_text();
  if (v.weight() > max_message_weight && !one_text) return brief(v);
  return exception_message(v.exception_type(), args);
}

} // namespace patio
