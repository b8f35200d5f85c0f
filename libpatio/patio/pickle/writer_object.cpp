// Writes classes, exceptions and other objects.
#include <patio/pickle/writer.hpp>

#include <algorithm>

#include <patio/pickle/classes.hpp>
#include <patio/value/repr.hpp>
#include <patio/value/standard_types.hpp>

namespace patio::pickle {

using detail::find_standard_class;
using detail::has_fresh_argument;
using detail::standard_class;
using detail::wrong_object;

namespace {

/// Returns true if the constructor takes these arguments in every Python version that the peer may
/// run.
bool can_leave_as_itself(const builtin_exception& e, std::span<const value> args) {
  if (e.policy != sending::as_os_error) return e.policy == sending::as_itself;
  if (args.size() < 3 || args.size() > 5) return true;
  auto file_name = args[2].kind();
  return file_name == kind::none || file_name == kind::str || file_name == kind::bytes;
}

/// Returns the text of the RuntimeError that replaces an exception. The text of a large exception
/// is truncated, because a peer may send many copies of an exception that is long to print.
std::string description_of(const value& exception) {
  constexpr std::size_t max_bytes = 500;
  auto args = exception.exception_args();
  bool one_text = args.size() == 1 && args[0].is_text();
  return one_text || exception.weight() <= max_bytes ? to_string(remote_error(exception))
                                                     : brief(exception, max_bytes);
}

/// Returns the reason why an object must not be sent, or an empty text if it may be sent. If a peer
/// could not make the object, the peer would lose a worker, or the caller would get no answer.
std::string objection_to(const object_parts& o, const python_types& types) {
  auto path = [&] { return o.module + "." + o.name; };
  bool is_array = find_standard_class(o.module, o.name) == standard_class::array;
  if (o.made_by == construction::none || (!is_array && !types.find(o.module, o.name)))
    return "the class " + path() + " is not in the node's python_types";
  auto wanted = wrong_object(o);
  return wanted.empty() ? "" : "expected " + std::string{wanted} + " for a " + path();
}

} // namespace

// CPython writes the name of each class as a new text, without a memo reference. Most classes of a
// module share the text of the module's name, so that text is written once.
void writer::save_class(std::string_view module, std::string_view name, module_text text) {
  out_.between_values();
  auto known = std::ranges::find_if(
    classes_, [&](const auto& c) { return c.name == name && c.module == module; });
  if (known != classes_.end()) return scalars_.save_index(known->index);
  auto shared = std::ranges::find(modules_, module, &written_module::name);
  if (text == module_text::own) {
    scalars_.save_fresh_text(module);
  } else if (shared != modules_.end()) {
    scalars_.save_index(shared->index);
  } else {
    auto before = scalars_.memoized();
    scalars_.save_name(module);
    if (scalars_.memoized() > before) modules_.push_back({module, before});
  }
  out_.between_values();
  scalars_.save_characters(kind::str, name);
  scalars_.memoize();
  out_.put(opcode::stack_global);
  classes_.push_back({module, name, scalars_.memoized()});
  scalars_.memoize();
}

void writer::save_complex(const value& v) {
  save_class("builtins", "complex");
  out_.between_values();
  save(value{v.as_complex().real()});
  save(value{v.as_complex().imag()});
  out_.put(opcode::tuple2);
  scalars_.memoize();
  out_.put(opcode::reduce);
  scalars_.memoize(v);
}

// Protocol 4 has no opcode for a bytearray, so CPython writes a call of the class.
void writer::save_bytearray(const value& v) {
  save_class("builtins", "bytearray");
  out_.between_values();
  if (v.data().empty()) {
    out_.put(opcode::empty_tuple);
  } else {
    scalars_.save_characters(kind::bytes, v.data());
    scalars_.memoize();
    out_.put(opcode::tuple1);
    scalars_.memoize();
  }
  out_.put(opcode::reduce);
  scalars_.memoize(v);
}

// CPython passes the file names of an OSError to its constructor, behind the other arguments.
std::span<const value> writer::constructor_arguments(const value& exception) {
  auto args = exception.exception_args(), names = exception.exception_file_names();
  if (names.empty()) return args;
  std::vector<value> all{args.begin(), args.end()};
  all.push_back(names[0]);
  if (names.size() > 1) all.insert(all.end(), {value{}, names[1]});
  return kept_.emplace_back(value::tuple(std::move(all))).items();
}

void writer::save_exception(const value& v) {
  const auto* known = find_builtin_exception(v.exception_type());
  auto args = constructor_arguments(v);
  if (!known || !can_leave_as_itself(*known, args)) {
    kept_.emplace_back(description_of(v));
    args = {&kept_.back(), 1};
    known = find_builtin_exception("builtins.RuntimeError");
  }
  // Before Python 3.11, asyncio.exceptions.TimeoutError is a class of its own. Every version loads
  // this name as the class that asyncio raises.
  save_class(known->name() == "TimeoutError" ? "asyncio.exceptions" : "builtins", known->name());
  out_.between_values();
  save_arguments(args);
  out_.put(opcode::reduce);
  scalars_.memoize(v);
  if (!v.exception_notes().empty()) save_notes(v.exception_notes());
}

void writer::save_arguments(std::span<const value> args) {
  if (args.empty()) return out_.put(opcode::empty_tuple);
  save_tuple_items(args);
  scalars_.memoize();
}

// Writes the state of the exception, {"__notes__": [...]}.
void writer::save_notes(std::span<const value> notes) {
  out_.between_values();
  out_.put(opcode::empty_dict);
  scalars_.memoize();
  scalars_.save_name("__notes__");
  out_.between_values();
  out_.put(opcode::empty_list);
  scalars_.memoize();
  save_list_items(notes);
  out_.put(opcode::setitem);
  out_.put(opcode::build);
}

void writer::save_object(const value& v) {
  const auto& o = v.as_object();
  if (auto objection = objection_to(o, *types_); !objection.empty()) {
    if (refused_.empty()) refused_ = std::move(objection);
    return;
  }
  if (find_standard_class(o.module, o.name) == standard_class::array) return save_array(v);
  save_class(o.module, o.name);
  out_.between_values();
  save_object_arguments(o);
  out_.put(o.made_by == construction::call ? opcode::reduce : opcode::newobj);
  scalars_.memoize(v);
  save_contents(o.items.size(), opcode::append, opcode::appends,
                [&](std::size_t i) { save(o.items[i]); });
  save_contents(o.entries.size(), opcode::setitem, opcode::setitems, [&](std::size_t i) {
    save(o.entries[i].first);
    save(o.entries[i].second);
  });
  if (o.state.is_none()) return;
  save(o.state);
  out_.put(opcode::build);
}

// In CPython the class and the reconstructor have own texts for their module. CPython makes the
// bytes anew each time, but shares those of up to one byte, and the texts of typecodes.
void writer::save_array(const value& v) {
  const auto& args = v.as_object().args;
  save_class("array", "_array_reconstructor");
  out_.between_values();
  out_.put(opcode::mark);
  save_class("array", "array", module_text::own);
  scalars_.save_name(args[0].text());
  save(args[1]);
  if (args[2].data().size() <= 1) save(args[2]);
  else scalars_.save_fresh_text(args[2]);
  out_.put(opcode::tuple);
  scalars_.memoize();
  out_.put(opcode::reduce);
  scalars_.memoize(v);
}

void writer::save_object_arguments(const object_parts& o) {
  if (!has_fresh_argument(find_standard_class(o.module, o.name))) return save_arguments(o.args);
  scalars_.save_fresh_text(o.args.front());
  save_items(std::span{o.args}.subspan(1));
  out_.put(o.args.size() == 1 ? opcode::tuple1 : opcode::tuple2);
  scalars_.memoize();
}

// CPython looks one item ahead, so it recognizes a batch of a single item and writes the item
// without a MARK.
template <class Save> // Save(position)
void writer::save_contents(std::size_t count, opcode one, opcode many, Save save_part) {
  for (std::size_t first = 0; first < count; first += batch) {
    auto size = std::min(count - first, batch);
    if (size > 1) out_.put(opcode::mark);
    for (std::size_t i = 0; i < size; ++i) save_part(first + i);
    out_.put(size > 1 ? many : one);
  }
}

} // namespace patio::pickle
