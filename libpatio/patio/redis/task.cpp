#include <patio/redis/task.hpp>

#include <algorithm>
#include <utility>

#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

error python_error_of(const char* type, std::string text) {
  return remote_error(value::exception(std::string{"builtins."} + type, {std::move(text)}));
}

const value* text_in(const value& dict, const char* key) {
  const auto* found = dict.find(value{key});
  return found && found->is_text() ? found : nullptr;
}

result<std::vector<value>> positional(const value& args) {
  switch (args.kind()) {
  case kind::list:
  case kind::tuple:
  case kind::set:
  case kind::frozenset: return std::vector<value>(args.items().begin(), args.items().end());
  case kind::dict: {
    std::vector<value> keys;
    for (const auto& [key, unused] : args.entries()) keys.push_back(key);
    return keys;
  }
  default:
    return tl::unexpected(python_error_of("TypeError", "Value after * must be an iterable, not "
                                                         + std::string{type_name(args.kind())}));
  }
}

result<void> add_keywords(arguments& args, const value& kwargs) {
  if (kwargs.kind() != kind::dict)
    return tl::unexpected(python_error_of("TypeError", "argument after ** must be a mapping, not "
                                                         + std::string{type_name(kwargs.kind())}));
  for (const auto& [name, v] : kwargs.entries()) {
    if (!name.is_text())
      return tl::unexpected(python_error_of("TypeError", "keywords must be strings"));
    args.keywords.emplace_back(std::string{name.text()}, v);
  }
  return {};
}

/// Reads everything but `reply_to`.
result<void> fill(task& t, const value& dict) {
  for (const auto* key : {"method", "args", "kwargs"})
    if (!dict.find(value{key})) return tl::unexpected(python_error_of("KeyError", key));
  const auto* method = text_in(dict, "method");
  if (!method) {
    auto key = value::exception("builtins.KeyError", {*dict.find(value{"method"})});
    return tl::unexpected(remote_error(std::move(key)));
  }
  t.method = method->text();
  auto args = positional(*dict.find(value{"args"}));
  if (!args) return tl::unexpected(std::move(args.error()));
  t.args.positional = std::move(*args);
  return add_keywords(t.args, *dict.find(value{"kwargs"}));
}

/// Skips the opcode that stores the last value in the memo, if there is one.
std::string_view without_memo(std::string_view rest) {
  if (rest.starts_with('\x94')) return rest.substr(1);                                  // MEMOIZE
  if (rest.starts_with('q')) return rest.substr(std::min<std::size_t>(2, rest.size())); // BINPUT
  if (rest.starts_with('r'))
    return rest.substr(std::min<std::size_t>(5, rest.size())); // LONG_BINPUT
  if (rest.starts_with('p'))
    return rest.substr(std::min(rest.find('\n'), rest.size() - 1) + 1); // PUT
  return rest;
}

/// Reads the text that begins here, in the forms in which picklers write short texts.
std::string text_at(std::string_view rest) {
  if (rest.size() > 2 && rest[0] == '\x8c')
    return std::string{rest.substr(2, static_cast<unsigned char>(rest[1]))};
  if (rest.size() > 5 && rest[0] == 'X' && rest.substr(2, 3) == std::string_view{"\0\0\0", 3})
    return std::string{rest.substr(5, static_cast<unsigned char>(rest[1]))};
  auto line = rest.substr(0, rest.find('\n'));
  if (line.size() > 1 && line[0] == 'V') return std::string{line.substr(1)};
  if (line.size() > 3 && line[0] == 'S') return std::string{line.substr(2, line.size() - 3)};
  return {};
}

/// Searches a refused pickle for the caller's token, to tell the caller. Nothing is stored before
/// the token has been claimed, and the server checks the token with is_token.
std::string reply_to_in(std::string_view body) {
  constexpr std::string_view key = "reply_to";
  auto at = body.rfind(key);
  if (at == std::string_view::npos) return {};
  auto rest = body.substr(at + key.size());
  if (rest.starts_with("'\n") || rest.starts_with("\"\n")) rest.remove_prefix(2);
  else if (rest.starts_with('\n')) rest.remove_prefix(1);
  return text_at(without_memo(rest));
}

} // namespace

bool is_token(std::string_view text) {
  constexpr std::size_t size = 36;
  if (text.size() <= size || text[text.size() - size - 1] != '.') return false;
  auto uuid = text.substr(text.size() - size);
  for (std::size_t i = 0; i < size; ++i) {
    bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    bool is_digit = (uuid[i] >= '0' && uuid[i] <= '9') || (uuid[i] >= 'a' && uuid[i] <= 'f')
                    || (uuid[i] >= 'A' && uuid[i] <= 'F');
    if (is_dash ? uuid[i] != '-' : !is_digit) return false;
  }
  return true;
}

std::string cancellation_key(std::string_view reply_to) { return std::string{reply_to} + ":stop"; }

result<void> write_task(const call_request& call, std::string_view reply_to, std::string& out,
                        const python_types& types, std::size_t max_bytes) {
  std::vector<dict_entry> keywords;
  for (const auto& [name, v] : call.args.keywords) keywords.emplace_back(name, v);
  return write_pickle(value::dict({{"method", call.function},
                                   {"args", value::tuple(call.args.positional)},
                                   {"kwargs", value::dict(std::move(keywords))},
                                   {"reply_to", reply_to}}),
                      out, types, max_bytes);
}

tl::expected<task, refused_task> read_task(std::string_view body, const pickle_limits& limits,
                                           const python_types& types) {
  auto refuse = [](std::string reply_to, error why) {
    return tl::unexpected(refused_task{std::move(reply_to), std::move(why)});
  };
  auto dict = read_pickle(body, limits, unknown_class::refuse, types);
  if (!dict) return refuse(reply_to_in(body), std::move(dict.error()));
  if (dict->kind() != kind::dict)
    return refuse({}, {errc::undecodable,
                       "the task is not a dict but of type " + std::string{type_name(dict->kind())},
                       {}});
  const auto* reply_to = text_in(*dict, "reply_to");
  if (!reply_to || reply_to->text().empty())
    return refuse({}, {errc::undecodable, "the task has no text 'reply_to'", {}});
  task t{.reply_to = std::string{reply_to->text()}};
  if (auto ok = fill(t, *dict); !ok) return refuse(std::move(t.reply_to), std::move(ok.error()));
  return t;
}

encoded_reply write_reply(const result<value>& outcome, const python_types& types,
                          std::size_t max_bytes) {
  std::string body;
  if (outcome) {
    auto ok = write_pickle(*outcome, body, types, max_bytes);
    if (ok) return {false, std::move(body)};
    return write_reply(tl::unexpected(std::move(ok.error())), types, max_bytes);
  }
  if (write_pickle(to_exception(outcome.error()), body, types, max_bytes))
    return {true, std::move(body)};
  body.clear();
  error too_large{errc::remote_error,
                  {},
                  value::exception("builtins.RuntimeError", {"the exception is too large"})};
  (void)write_pickle(to_exception(too_large), body, types);
  return {true, std::move(body)};
}

encoded_reply write_pickled_reply(result<std::string> pickled) {
  if (pickled) return {false, std::move(*pickled)};
  return write_reply(tl::unexpected(std::move(pickled.error())), {}, std::string::npos);
}

result<value> read_reply(bool is_error, std::string_view body, const pickle_limits& limits,
                         const python_types& types) {
  auto mode = is_error ? unknown_class::as_exception : unknown_class::refuse;
  auto v = read_pickle(body, limits, mode, types);
  if (!v || !is_error) return v;
  if (v->kind() != kind::exception)
    return fail(errc::undecodable,
                "the error is not an exception but of type " + std::string{type_name(v->kind())});
  if (v->exception_type().starts_with("redis.exceptions."))
    return fail(errc::maybe_executed, "the server lost its connection to Redis: "
                                        + std::string{to_string(remote_error(*v))});
  return tl::unexpected(remote_error(std::move(*v)));
}

} // namespace patio::redis
