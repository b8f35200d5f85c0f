#include <patio/amqp/bodies.hpp>

#include <patio/protocol/extensions.hpp>
#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

constexpr std::string_view maybe_executed_note = "patio: maybe_executed";

tl::unexpected<error> type_error(std::string text) {
  return tl::unexpected(remote_error(value::exception("builtins.TypeError", {std::move(text)})));
}

std::string type_of(const value& v) { return std::string{type_name(v.kind())}; }

result<std::vector<value>> positional_of(const value& args) {
  if (args.kind() != kind::tuple && args.kind() != kind::list)
    return type_error("'args' of a call must be a tuple or a list, not " + type_of(args));
  auto items = args.items();
  return std::vector<value>{items.begin(), items.end()};
}

using keyword_list = decltype(arguments::keywords);

result<keyword_list> keywords_of(const value& kwargs, std::size_t max) {
  if (kwargs.kind() != kind::dict)
    return type_error("'kwargs' of a call must be a dict, not " + type_of(kwargs));
  keyword_list all;
  auto entries = kwargs.entries();
  if (entries.size() > max)
    return fail(errc::overloaded, limit::keywords_per_call,
                "the call has " + std::to_string(entries.size()) + " keyword arguments");
  for (const auto& [name, v] : entries) {
    if (!name.is_text()) return type_error("keywords must be strings, not " + type_of(name));
    all.emplace_back(name.text(), v);
  }
  return all;
}

/// Returns the exception, with a note that names the ending if no function raised the error.
value exception_of(const error& e) {
  if (e.code != errc::maybe_executed) return protocol::to_noted_exception(e);
  auto plain = to_exception(e);
  auto args = plain.exception_args();
  return value::exception(std::string{plain.exception_type()}, {args.begin(), args.end()},
                          {maybe_executed_note});
}

reply_body error_body(const error& why, const python_types& types, std::size_t max_bytes) {
  auto exception = exception_of(why);
  reply_body reply{"error", {}};
  if (write_pickle(exception, reply.bytes, types, max_bytes, body_protocol)) return reply;
  // The exception is too large, or has a text that is not UTF-8. repr() shows such bytes as
  // escapes.
  reply.bytes.clear();
  (void)write_pickle(value::exception("builtins.RuntimeError", {brief(exception)}), reply.bytes, {},
                     std::string::npos, body_protocol);
  return reply;
}

reply_body unsendable(const error& why, const python_types& types) {
  auto reason = why.exceeded == limit::frame_bytes ? "it is over the frame limit" : text_of(why);
  auto refused =
    value::exception("builtins.ValueError", {"the result cannot be sent: " + std::move(reason)});
  return error_body(remote_error(std::move(refused)), types, std::string::npos);
}

result<value> read_error(std::string_view body, const limits& limits, const python_types& types) {
  auto read = read_pickle(body, limits.pickle, unknown_class::as_exception, types);
  if (!read) {
    auto why = std::move(read.error());
    if (why.exception.kind() == kind::exception)
      return tl::unexpected(remote_error(std::move(why.exception)));
    return fail(errc::undecodable, why.exceeded, "the reply: " + text_of(why));
  }
  if (read->kind() != kind::exception)
    return fail(errc::undecodable, "the peer's error is not an exception: " + brief(*read));
  auto notes = read->exception_notes();
  if (notes.size() == 1 && notes[0].is_text() && notes[0].text() == maybe_executed_note)
    return fail(errc::maybe_executed, to_str(*read));
  return tl::unexpected(protocol::from_noted_exception(std::move(*read)));
}

} // namespace

result<std::string> write_call(const arguments& args, const python_types& types,
                               std::size_t max_bytes) {
  std::string body;
  auto written = write_arguments(args, body, types, max_bytes, body_protocol);
  if (written) return body;
  if (written.error().exceeded == limit::frame_bytes)
    written.error().message =
      "the arguments are over the frame limit of " + std::to_string(max_bytes) + " bytes";
  return tl::unexpected(std::move(written.error()));
}

result<arguments> read_call(std::string_view body, const limits& limits,
                            const python_types& types) {
  auto read = read_pickle(body, limits.pickle, unknown_class::refuse, types);
  if (!read)
    return fail(errc::undecodable, read.error().exceeded,
                "undecodable request: " + text_of(read.error()));
  if (read->kind() != kind::dict)
    return type_error("a call must be a dict with 'args' and 'kwargs', not " + type_of(*read));
  const auto* args = read->find("args");
  const auto* kwargs = read->find("kwargs");
  if (!args || !kwargs)
    return type_error(std::string{"the call has no '"} + (args ? "kwargs" : "args") + "'");
  if (read->entries().size() > 2)
    return type_error("a call must have no other keys than 'args' and 'kwargs'");
  auto positional = positional_of(*args);
  if (!positional) return tl::unexpected(std::move(positional.error()));
  auto keywords = keywords_of(*kwargs, limits.keywords_per_call);
  if (!keywords) return tl::unexpected(std::move(keywords.error()));
  return arguments{std::move(*positional), std::move(*keywords)};
}

reply_body write_reply(const result<value>& outcome, const python_types& types,
                       std::size_t max_bytes) {
  if (!outcome) return error_body(outcome.error(), types, max_bytes);
  result<std::string> pickled;
  if (auto ok = write_pickle(*outcome, *pickled, types, max_bytes, body_protocol); !ok)
    pickled = tl::unexpected(std::move(ok.error()));
  return write_reply(std::move(pickled), types, max_bytes);
}

reply_body write_reply(result<std::string>&& pickled, const python_types& types,
                       std::size_t max_bytes) {
  if (!pickled) return unsendable(pickled.error(), types);
  if (pickled->size() > max_bytes)
    return unsendable({errc::invalid, {}, {}, limit::frame_bytes}, types);
  return {"result", std::move(*pickled)};
}

result<value> read_reply(std::string_view type, std::string_view body, const limits& limits,
                         const python_types& types) {
  if (type == "error") return read_error(body, limits, types);
  if (type != "result")
    return fail(errc::undecodable, "the reply has the unknown type " + quoted(type));
  auto read = read_pickle(body, limits.pickle, unknown_class::refuse, types);
  if (!read)
    return fail(errc::undecodable, read.error().exceeded, "the reply: " + text_of(read.error()));
  return read;
}

} // namespace patio::amqp
