#include <patio/pickle/writer.hpp>

#include <algorithm>

#include <patio/value/repr.hpp>

namespace patio::pickle {
namespace {

/// Whether Python's constructor takes these arguments, whatever version the peer runs.
bool can_leave_as_itself(const builtin_exception& e, std::span<const value> args) {
  if (e.how != sending::as_os_error) return e.how == sending::as_itself;
  if (args.size() < 3 || args.size() > 5) return true;
  auto file_name = args[2].kind();
  return file_name == kind::none || file_name == kind::str || file_name == kind::bytes;
}

/// What the RuntimeError says in an exception's place. A peer may have sent one that is long to
/// print, in any number of copies.
std::string described(const value& exception) {
  constexpr std::size_t most = 500;
  auto args = exception.exception_args();
  bool one_text = args.size() == 1 && args[0].is_text();
  return one_text || exception.weight() <= most ? to_string(remote_error(exception))
                                                : brief(exception, most);
}

bool expands_too_far(const call_request& call) {
  std::uint64_t sum = 0;
  auto add = [&](const value& v) {
    if (v.weight() > value::expansion_limit) return false;
    sum += v.weight();
    return sum <= value::expansion_limit;
  };
  return !add(call.timeout) || !std::ranges::all_of(call.args.positional, add)
         || !std::ranges::all_of(call.args.keywords,
                                 [&](const auto& keyword) { return add(keyword.second); });
}

tl::unexpected<error> too_large() {
  return fail(errc::invalid, "the value is too large with its shared parts written out");
}

} // namespace

// CPython shares the text "builtins", which is the module's own, but makes a new text of each
// class's name.
void writer::save_class(std::string_view module, std::string_view name) {
  out_.between_values();
  auto known = std::ranges::find_if(
    classes_, [&](const auto& c) { return c.name == name && c.module == module; });
  if (known != classes_.end()) return save_index(known->index);
  save_module(module);
  out_.between_values();
  save_characters(kind::str, name);
  memoize();
  out_.put(opcode::stack_global);
  classes_.push_back({module, name, memoized_});
  memoize();
}

// The text is the module's own, one for all of its classes.
void writer::save_module(std::string_view module) {
  auto known =
    std::ranges::find(modules_, module, &std::pair<std::string_view, std::uint32_t>::first);
  if (known != modules_.end()) return save_index(known->second);
  auto before = memoized_;
  save_name(module);
  if (memoized_ > before) modules_.emplace_back(module, before);
}

void writer::save_complex(const value& v) {
  save_class("builtins", "complex");
  out_.between_values();
  save(value{v.as_complex().real()}), save(value{v.as_complex().imag()});
  out_.put(opcode::tuple2);
  memoize();
  out_.put(opcode::reduce);
  memoize(v);
}

void writer::save_exception(const value& v) {
  const auto* known = find_builtin_exception(v.exception_type());
  auto args = v.exception_args();
  if (!known || !can_leave_as_itself(*known, args)) {
    kept_.emplace_back(described(v));
    args = {&kept_.back(), 1};
    known = find_builtin_exception("builtins.RuntimeError");
  }
  // Pythons before 3.11 have a TimeoutError of asyncio's own, and theirs is the name that all of
  // them load as the right class.
  save_class(known->name() == "TimeoutError" ? "asyncio.exceptions" : "builtins", known->name());
  out_.between_values();
  save_arguments(args);
  out_.put(opcode::reduce);
  memoize(v);
  if (!v.exception_notes().empty()) save_notes(v.exception_notes());
}

void writer::save_arguments(std::span<const value> args) {
  if (args.empty()) return out_.put(opcode::empty_tuple);
  save_tuple_items(args);
  memoize();
}

// The exception's state, {"__notes__": [...]}.
void writer::save_notes(std::span<const value> notes) {
  out_.between_values();
  out_.put(opcode::empty_dict);
  memoize();
  save_name("__notes__");
  out_.between_values();
  out_.put(opcode::empty_list);
  memoize();
  save_list_items(notes);
  out_.put(opcode::setitem);
  out_.put(opcode::build);
}

void writer::save(const call_request& call) {
  out_.put(call_opening_bytes);
  memoized_ = memoized_in_call_opening;
  save_name("func"), save_name(call.function);
  save_name("args");
  out_.between_values();
  save_arguments(call.args.positional);
  save_name("kwargs");
  out_.between_values();
  save_keywords(call);
  save_name("timeout"), save(call.timeout);
  out_.put(opcode::setitems);
  out_.put(opcode::build);
}

} // namespace patio::pickle

namespace patio {

result<void> write_pickle(const value& v, std::string& out, const python_types& types,
                          std::size_t longest) {
  if (v.weight() > value::expansion_limit) return pickle::too_large();
  pickle::writer writer{types, longest};
  writer.save(v);
  return writer.finish(out);
}

result<void> write_call_request(const call_request& request, std::string& out,
                                const python_types& types, std::size_t longest) {
  if (pickle::expands_too_far(request)) return pickle::too_large();
  pickle::writer writer{types, longest};
  writer.save(request);
  return writer.finish(out);
}

} // namespace patio
