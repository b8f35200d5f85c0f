#include <patio/pickle/stand_ins.hpp>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include <patio/value/standard_types.hpp>

namespace patio::pickle {

namespace {

std::vector<value> notes_from(const value* list) {
  if (!list || (list->kind() != kind::list && list->kind() != kind::tuple)) return {};
  return {list->items().begin(), list->items().end()};
}

std::vector<value> notes_in(const value& state) {
  return notes_from(state.kind() == kind::dict ? state.find(value{"__notes__"}) : nullptr);
}

/// Looks for the notes among the entries of a state that no SETITEMS has put into its dict yet.
std::vector<value> unfinished_notes(value_stack& stack) {
  const value name{"__notes__"};
  for (std::size_t i = 1; i + 1 < stack.size(); ++i)
    if (stack[i].is(item_kind::data) && stack[i].v.is_text() && stack[i].v == name)
      return notes_from(stack[i + 1].is(item_kind::data) ? &stack[i + 1].v : nullptr);
  return {};
}

/// Python's functions begin with a small letter or an underscore, its classes with a capital.
bool is_function_name(std::string_view name) noexcept {
  auto last = name.substr(name.rfind('.') + 1);
  return !last.empty() && (last[0] == '_' || (last[0] >= 'a' && last[0] <= 'z'));
}

bool is_class(const value& v) {
  return v.kind() == kind::object && v.as_object().made_by == construction::none;
}

std::string path_of(const object_parts& o) { return o.module + "." + o.name; }

/// Returns the parts of an object, or those that an exception of an unknown class has as an object.
object_parts parts_of(const value& v) {
  if (v.kind() == kind::object) return v.as_object();
  auto path = v.exception_type();
  auto dot = path.rfind('.');
  auto args = v.exception_args();
  return {.module = std::string{path.substr(0, dot)},
          .name = std::string{path.substr(dot + 1)},
          .args = {args.begin(), args.end()}};
}

value undecodable(const std::string& why) {
  return value::object({.module = "patio", .name = "undecodable", .args = {why}});
}

} // namespace

bool stand_ins::push(object_parts parts) {
  machine_->failure().tolerate("class " + path_of(parts) + " is not accepted");
  auto copies = parts.args.size() + parts.items.size() + 2 * parts.entries.size();
  auto length = object_overhead + parts.module.size() + parts.name.size();
  return machine_->budget().spend(length, copies)
         && machine_->push(value::object(std::move(parts)));
}

bool stand_ins::name(std::string_view module, std::string_view name, value& named) {
  if (!machine_->budget().spend(object_overhead + module.size() + name.size())) return false;
  named = value::object(
    {.module = std::string{module}, .name = std::string{name}, .made_by = construction::none});
  return true;
}

bool stand_ins::construct(const value& named, construction made_by, std::span<const value> args) {
  const auto& cls = named.as_object();
  return push({.module = cls.module,
               .name = cls.name,
               .made_by = made_by,
               .args = {args.begin(), args.end()}});
}

bool stand_ins::call(const value& callee, std::span<const value> args) {
  const auto function = parts_of(callee);
  const auto& named =
    !function.args.empty() && is_class(function.args[0]) ? function.args[0].as_object() : function;
  return push({.module = named.module, .name = named.name, .args = {args.begin(), args.end()}});
}

// An object that refers to itself was shared before it has its state, and may not change any more.
// A copy gets the state, so that no cycle arises: the reference within shows the object without.
bool stand_ins::set_state(value state) {
  auto& top = machine_->stack().top().v;
  if (value_access::set_state(top, state) == refusal::none) return true;
  auto parts = top.as_object();
  if (state.depth() >= value::max_depth) return machine_->budget().refuse_depth();
  parts.state = std::move(state);
  machine_->stack().drop(machine_->stack().size() - 1);
  return push(std::move(parts));
}

bool stand_ins::make_target(std::size_t first) {
  auto& target = machine_->stack()[first - 1].v;
  auto parts = parts_of(target);
  machine_->failure().tolerate("class " + path_of(parts) + " is not accepted");
  auto length = object_overhead + parts.module.size() + parts.name.size();
  if (!machine_->budget().spend(length, parts.args.size())) return false;
  target = value::object(std::move(parts));
  return true;
}

bool is_known_object(std::string_view module, std::string_view name) noexcept {
  constexpr std::array modules{"collections", "fractions", "functools",
                               "ipaddress",   "pathlib",   "pathlib._local"};
  constexpr std::array exceptions{"Error", "Exception", "Warning"};
  if (detail::find_standard_class(module, name) != detail::standard_class::none) return true;
  auto ends_name = [&](std::string_view end) { return name.ends_with(end); };
  return std::ranges::any_of(modules, [&](const char* known) { return module == known; })
         && std::ranges::none_of(exceptions, ends_name);
}

value exception_of(std::string path, std::span<const value> args, std::vector<value> notes) {
  if (is_function_name(path) && !args.empty() && is_class(args[0])) {
    path = path_of(args[0].as_object());
    bool packed = args.size() > 1 && args[1].kind() == kind::tuple;
    args = packed ? args[1].items() : args.subspan(1);
  }
  return value::exception(std::move(path), {args.begin(), args.end()}, std::move(notes));
}

value exception_of(const object_parts& made) {
  return exception_of(path_of(made), made.args, notes_in(made.state));
}

value with_notes(const value& exception, std::vector<value> notes) {
  auto args = exception.exception_args(), names = exception.exception_file_names();
  auto copy = value::exception(std::string{exception.exception_type()}, {args.begin(), args.end()},
                               std::move(notes));
  (void)value_access::set_file_names(copy, {names.begin(), names.end()});
  return copy;
}

value salvage(value_stack& stack, const std::string& why) {
  if (stack.size() == 0) return {};
  const auto& bottom = stack[0];
  if (bottom.is_data(kind::exception)) {
    auto notes = unfinished_notes(stack);
    notes.emplace_back("its attributes cannot be decoded: " + why);
    return with_notes(bottom.v, std::move(notes));
  }
  bool known =
    bottom.is_class(class_kind::exception) || bottom.is_class(class_kind::python2_oserror);
  if (!known && !bottom.is_class(class_kind::unknown) && !bottom.is_class(class_kind::user))
    return {};
  std::vector<value> args;
  if (stack.size() > 1 && stack[1].is(item_kind::data) && !stack[1].v.is_container())
    args.push_back(stack[1].v);
  args.push_back(undecodable(why));
  if (known) return make_exception(bottom.tag.cls, std::move(args));
  return value::exception(path_of(bottom.v.as_object()), std::move(args));
}

} // namespace patio::pickle
