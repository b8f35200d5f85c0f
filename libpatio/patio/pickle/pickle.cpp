#include <patio/pickle/pickle.hpp>

#include <algorithm>

#include <patio/pickle/in_place.hpp>
#include <patio/pickle/plain.hpp>
#include <patio/pickle/reader.hpp>
#include <patio/pickle/writer.hpp>
#include <patio/value/repr.hpp>

namespace patio {
namespace {

bool expands_too_far(const arguments& args, const value& timeout = {}) {
  std::uint64_t sum = 0;
  auto add = [&](const value& v) {
    if (v.weight() > value::expansion_limit) return false;
    sum += v.weight();
    return sum <= value::expansion_limit;
  };
  return !add(timeout) || !std::ranges::all_of(args.positional, add)
         || !std::ranges::all_of(args.keywords,
                                 [&](const auto& keyword) { return add(keyword.second); });
}

result<void> write_once(const value& v, std::string& out, const python_types& types,
                        std::size_t max_bytes, pickle_protocol protocol) {
  pickle::writer writer{types, max_bytes, protocol};
  writer.save(v);
  return writer.finish(out);
}

/// Returns the exception with its message in place of its arguments, which may hold objects.
value without_objects(const value& exception) {
  std::vector<value> notes;
  for (const auto& note : exception.exception_notes())
    notes.push_back(note.is_container() ? value{brief(note)} : note);
  return value::exception(std::string{exception.exception_type()}, {to_str(exception)},
                          std::move(notes));
}

tl::unexpected<error> too_large() {
  return fail(errc::invalid, "the value is too large when its shared parts are expanded");
}

} // namespace

result<value> read_pickle(std::string_view bytes, const pickle_limits& limits,
                          unknown_class unknown, const python_types& types) {
  if (value v; pickle::read_plain_value(bytes, limits, v)) return v;
  return pickle::reader{bytes, limits, unknown, types}.read_value();
}

result<call_request> read_call_request(std::string_view bytes, const pickle_limits& limits,
                                       const python_types& types, std::size_t* memory) {
  std::size_t unused = 0;
  auto& cost = memory ? *memory : unused;
  result<call_request> plain;
  if (pickle::read_plain_call(bytes, limits, *plain, cost)) return plain;
  pickle::reader reader{bytes, limits, unknown_class::refuse, types};
  auto call = reader.read_call();
  cost = reader.memory();
  return call;
}

result<void> write_pickle(const value& v, std::string& out, const python_types& types,
                          std::size_t max_bytes, pickle_protocol protocol) {
  if (pickle::write_plain_value(v, max_bytes, out, protocol)) return {};
  if (v.weight() > value::expansion_limit) return too_large();
  auto done = write_once(v, out, types, max_bytes, protocol);
  if (done || v.kind() != kind::exception || done.error().exceeded != limit::none) return done;
  return write_once(without_objects(v), out, types, max_bytes, protocol);
}

result<void> write_call_request(const call_request& request, std::string& out,
                                const python_types& types, std::size_t max_bytes) {
  if (pickle::write_plain_call(request, max_bytes, out)) return {};
  if (expands_too_far(request.args, request.timeout)) return too_large();
  pickle::writer writer{types, max_bytes, pickle_protocol::five};
  writer.save(request);
  return writer.finish(out);
}

result<void> write_arguments(const arguments& args, std::string& out, const python_types& types,
                             std::size_t max_bytes, pickle_protocol protocol) {
  if (expands_too_far(args)) return too_large();
  pickle::writer writer{types, max_bytes, protocol};
  writer.save(args);
  return writer.finish(out);
}

result<std::size_t> write_pickle_in_place(const value& v, std::span<char> memory,
                                          const python_types& types) {
  auto write = [&](const value& written) {
    pickle::writer writer{types, memory};
    writer.save(written);
    return writer.finish_in_place(memory);
  };
  if (v.weight() > value::expansion_limit) return too_large();
  auto done = write(v);
  if (done || v.kind() != kind::exception || done.error().exceeded != limit::none) return done;
  return write(without_objects(v));
}

result<std::size_t> write_call_request_in_place(const call_request& request, std::span<char> memory,
                                                const python_types& types) {
  if (expands_too_far(request.args, request.timeout)) return too_large();
  pickle::writer writer{types, memory};
  writer.save(request);
  return writer.finish_in_place(memory);
}

} // namespace patio
