#include <patio/value/exception_message.hpp>

#include <algorithm>
#include <array>
#include <cstring>

#include <patio/base/utf8.hpp>
#include <patio/value/repr.hpp>

namespace patio::detail {
namespace {

using arguments_view = std::span<const value>;
using message = std::optional<std::string>;

message os_error(const value& e) { return os_message(e); }

message key_error(const value& e) {
  auto args = e.exception_args();
  return args.size() == 1 ? message{repr_or_brief(args[0])} : std::nullopt;
}

message syntax_error(const value& e) { return syntax_message(e.exception_args()); }

message ssl_error(const value& e) {
  auto args = e.exception_args();
  if (args.size() > 1 && args[1].is_text()) return std::string{args[1].text()};
  return repr_or_brief(value::tuple({args.begin(), args.end()}));
}

message url_error(const value& e) {
  auto args = e.exception_args();
  if (args.empty()) return {};
  return "<urlopen error " + to_str(args[0]) + ">";
}

message http_error(const value& e) {
  auto args = e.exception_args();
  if (args.size() < 3) return {};
  return "HTTP Error " + to_str(args[1]) + ": " + to_str(args[2]);
}

/// Returns "<Signals.SIGKILL: 9>", or "unknown signal 99".
std::string signal_text(std::int64_t number) {
  const char* name = number < 65 ? ::sigabbrev_np(static_cast<int>(number)) : nullptr;
  if (!name) return "unknown signal " + std::to_string(number);
  return "<Signals.SIG" + std::string{name} + ": " + std::to_string(number) + ">";
}

message process_error(const value& e) {
  auto args = e.exception_args();
  auto code = args.size() > 1 && args[0].kind() == kind::integer ? args[0].as_int64()
                                                                 : std::optional<std::int64_t>{};
  if (!code) return {};
  auto command = "Command '" + to_str(args[1]) + "' ";
  if (*code < 0) return command + "died with " + signal_text(-*code) + ".";
  return command + "returned non-zero exit status " + std::to_string(*code) + ".";
}

message process_timeout(const value& e) {
  auto args = e.exception_args();
  if (args.size() < 2) return {};
  return "Command '" + to_str(args[0]) + "' timed out after " + to_str(args[1]) + " seconds";
}

/// The arguments are the message, the document and the position of a character in the document.
message json_error(const value& e) {
  auto args = e.exception_args();
  if (args.size() != 3 || !args[1].is_text() || args[2].kind() != kind::integer) return {};
  auto position = args[2].as_int64().value_or(-1);
  if (position < 0) return {};
  std::int64_t line = 1, column = 1;
  auto rest = args[1].text();
  for (auto left = position; left > 0; --left, ++column) {
    if (rest.empty()) {
      column += left;
      break;
    }
    if (rest.front() == '\n') {
      ++line;
      column = 0;
    }
    rest.remove_prefix(std::max<std::size_t>(1, decode_utf8(rest).size));
  }
  return to_str(args[0]) + ": line " + std::to_string(line) + " column " + std::to_string(column)
         + " (char " + std::to_string(position) + ")";
}

message incomplete_read(const value& e) {
  auto args = e.exception_args();
  bool fits =
    args.size() == 2 && (args[0].kind() == kind::bytes || args[0].kind() == kind::bytearray);
  if (!fits) return {};
  auto expected = args[1].is_none() ? "undefined" : repr_or_brief(args[1]);
  return std::to_string(args[0].data().size()) + " bytes read on a total of " + expected
         + " expected bytes";
}

message missing_section(const value& e) {
  auto args = e.exception_args();
  return args.size() == 1 ? message{"No section: " + repr_or_brief(args[0])} : std::nullopt;
}

message missing_option(const value& e) {
  auto args = e.exception_args();
  if (args.size() != 2) return {};
  return "No option " + repr_or_brief(args[0]) + " in section: " + repr_or_brief(args[1]);
}

message missing_package(const value& e) {
  auto args = e.exception_args();
  if (args.size() != 1) return {};
  return "No package metadata was found for " + to_str(args[0]);
}

struct library_class {
  std::string_view type;
  message (*make)(const value& exception);
};

constexpr std::array classes{
  library_class{"asyncio.exceptions.IncompleteReadError", incomplete_read},
  library_class{"configparser.NoOptionError", missing_option},
  library_class{"configparser.NoSectionError", missing_section},
  library_class{"gzip.BadGzipFile", os_error},
  library_class{"http.client.RemoteDisconnected", os_error},
  library_class{"importlib.metadata.PackageNotFoundError", missing_package},
  library_class{"io.UnsupportedOperation", os_error},
  library_class{"json.decoder.JSONDecodeError", json_error},
  library_class{"shutil.Error", os_error},
  library_class{"shutil.ExecError", os_error},
  library_class{"shutil.ReadError", os_error},
  library_class{"shutil.SameFileError", os_error},
  library_class{"shutil.SpecialFileError", os_error},
  library_class{"signal.itimer_error", os_error},
  library_class{"socket.gaierror", os_error},
  library_class{"socket.herror", os_error},
  library_class{"ssl.SSLCertVerificationError", ssl_error},
  library_class{"ssl.SSLEOFError", ssl_error},
  library_class{"ssl.SSLError", ssl_error},
  library_class{"ssl.SSLSyscallError", ssl_error},
  library_class{"ssl.SSLWantReadError", ssl_error},
  library_class{"ssl.SSLWantWriteError", ssl_error},
  library_class{"ssl.SSLZeroReturnError", ssl_error},
  library_class{"subprocess.CalledProcessError", process_error},
  library_class{"subprocess.TimeoutExpired", process_timeout},
  library_class{"urllib.error.HTTPError", http_error},
  library_class{"urllib.error.URLError", url_error},
  library_class{"xml.etree.ElementTree.ParseError", syntax_error},
  library_class{"zoneinfo._common.ZoneInfoNotFoundError", key_error},
};
static_assert(std::ranges::is_sorted(classes, {}, &library_class::type));

} // namespace

std::optional<std::string> library_message(const value& exception) {
  auto type = exception.exception_type();
  auto found = std::ranges::lower_bound(classes, type, {}, &library_class::type);
  if (found == classes.end() || found->type != type) return {};
  return found->make(exception);
}

} // namespace patio::detail
