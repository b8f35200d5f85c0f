#include <patio/value/error.hpp>

#include <array>

#include <patio/value/repr.hpp>

namespace patio {
namespace {

struct row {
  errc code;
  std::string_view name;
  std::string_view text;
  std::string_view python; ///< the built-in exception that Python code sees
};

constexpr std::array rows{
  row{errc::remote_error, "remote_error", "the function raised", "RuntimeError"},
  row{errc::timeout, "timeout", "no answer in time", "TimeoutError"},
  row{errc::cancelled, "cancelled", "the call was cancelled", "RuntimeError"},
  row{errc::not_sent, "not_sent", "the connection was lost before the call was sent",
      "ConnectionError"},
  row{errc::maybe_executed, "maybe_executed",
      "the connection or the worker was lost, and the call may have run", "ConnectionError"},
  row{errc::no_route, "no_route", "nobody serves this name", "KeyError"},
  row{errc::overloaded, "overloaded", "too many calls are waiting", "RuntimeError"},
  row{errc::undecodable, "undecodable", "the data cannot be accepted", "ValueError"},
  row{errc::shut_down, "shut_down", "the node has shut down", "ConnectionError"},
  row{errc::invalid, "invalid", "invalid argument", "ValueError"},
  row{errc::connect_failed, "connect_failed", "could not connect", "ConnectionError"},
  row{errc::login_refused, "login_refused", "the login was refused", "PermissionError"},
  row{errc::protocol, "protocol", "the peer broke the protocol", "ConnectionError"},
};

const row& row_of(errc code) noexcept {
  for (const auto& r : rows)
    if (r.code == code) return r;
  return rows[static_cast<std::size_t>(errc::invalid) - 1];
}

} // namespace

std::string_view to_string(errc code) noexcept { return row_of(code).name; }
std::string_view describe(errc code) noexcept { return row_of(code).text; }

error in_context(std::string context, error inner) {
  inner.contexts.push_back(std::move(context));
  return inner;
}

std::string text_of(const error& e) {
  std::string text;
  for (auto context = e.contexts.rbegin(); context != e.contexts.rend(); ++context)
    text += (text.empty() ? "" : ": ") + *context;
  if (!e.message.empty()) text += (text.empty() ? "" : ": ") + e.message;
  if (!e.limit_note.empty()) text += " (" + e.limit_note + ")";
  return text;
}

std::string to_string(const error& e) {
  if (e.code == errc::remote_error && e.exception.kind() == kind::exception) {
    std::string type{e.exception.exception_type()};
    if (type.starts_with("builtins.")) type.erase(0, 9);
    auto text = to_str(e.exception);
    return text.empty() ? type : type + ": " + text;
  }
  std::string line{describe(e.code)};
  auto text = text_of(e);
  return text.empty() ? line : line + ": " + text;
}

value to_exception(const error& e) {
  if (e.code == errc::remote_error && e.exception.kind() == kind::exception) return e.exception;
  auto text = text_of(e);
  return value::exception("builtins." + std::string{row_of(e.code).python},
                          {value{text.empty() ? std::string{describe(e.code)} : std::move(text)}});
}

bool is_timeout(const error& e) noexcept {
  return e.code == errc::remote_error && e.exception.kind() == kind::exception
         && e.exception.exception_type().ends_with(".TimeoutError");
}

bool is_refusal(const error& e) noexcept {
  return e.code == errc::login_refused && e.remedy != remedy::none;
}

error remote_error(value exception) { return {errc::remote_error, {}, std::move(exception)}; }

} // namespace patio
