#include <patio/pickle/object_builder.hpp>

#include <algorithm>

#include <patio/base/utf8.hpp>
#include <patio/value/standard_types.hpp>

namespace patio::pickle {

using detail::find_standard_class;
using detail::heap_set;
using detail::standard_class;
using detail::wrong_arguments;

namespace {

/// Returns a name for an error message. Escapes all bytes except printable ASCII, and truncates a
/// long name.
std::string shown(std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::size_t max_bytes = 80;
  std::string text;
  for (auto c : name) {
    if (text.size() >= max_bytes) return text + "...";
    auto code = static_cast<unsigned char>(c);
    if (code > 0x20 && code < 0x7f && code != '\\') text += c;
    else text += {'\\', 'x', digits[code >> 4], digits[code & 15]};
  }
  return text;
}

/// Returns true if the name of an unknown module or class is short UTF-8 text without blanks and
/// control characters, and thus fit for a log line.
bool is_plain_name(std::string_view name) {
  constexpr std::size_t max_bytes = 256;
  auto plain = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
  return !name.empty() && name.size() <= max_bytes && is_utf8(name)
         && std::ranges::all_of(name, plain);
}

/// Returns true for a module of Python 2. CPython translates the names of these modules in
/// protocols 0 to 2, and does not find the modules in later protocols.
bool is_python2(std::string_view module) {
  return module == "__builtin__" || module == "exceptions" || module == "copy_reg";
}

bool is_unknown_exception(const stack_item& item) {
  return item.is_data(kind::exception) && !find_builtin_exception(item.v.exception_type());
}

bool make_array(machine& m, const value& args) {
  auto items = args.items();
  auto wanted = wrong_arguments(standard_class::array, construction::call, items);
  if (!wanted.empty()) return m.refuse("expected " + std::string{wanted} + " for an array.array");
  return m.budget().spend(object_overhead, items.size())
         && m.push(value::object(
           {.module = "array", .name = "array", .args = {items.begin(), items.end()}}));
}

bool is_sequence(kind k) {
  return k == kind::list || k == kind::tuple || k == kind::set || k == kind::frozenset;
}

} // namespace

bool object_builder::global_line() {
  std::string_view module, name;
  return machine_->read_line(module) && machine_->read_line(name) && name_class(module, name);
}

bool object_builder::stack_global() {
  auto& stack = machine_->stack();
  if (!machine_->have(2) || !machine_->all_data(stack.size() - 2)) return false;
  auto name = stack.pop().v;
  auto module = stack.pop().v;
  if (!name.is_text() || !module.is_text())
    return machine_->refuse("expected a module and a class name, found other values");
  return name_class(module.text(), name.text());
}

bool object_builder::name_class(std::string_view module, std::string_view name) {
  item_tag tag{item_kind::class_ref, {}, 0};
  auto known =
    machine_->protocol() > 2 && is_python2(module) ? std::nullopt : find_class(module, name);
  if (known && (known->kind != class_kind::new_object || !types_->entries().empty())) {
    tag.cls = *known;
  } else if (const auto* user = types_->find(module, name)) {
    tag.cls.kind = class_kind::user;
    tag.index = static_cast<std::uint32_t>(user - types_->entries().data());
  } else if (!name_unknown_class(module, name, tag)) {
    return false;
  }
  return push_class(module, name, tag);
}

bool object_builder::push_class(std::string_view module, std::string_view name, item_tag tag) {
  stack_item item{tag};
  bool is_named = makes_stand_ins() && tag.cls.kind != class_kind::call_request;
  if (is_named && !stand_ins_.name(module, name, item.v)) return false;
  return machine_->push_hidden(std::move(item));
}

bool object_builder::name_unknown_class(std::string_view module, std::string_view name,
                                        item_tag& tag) {
  if (unknown_ == unknown_class::refuse || !is_plain_name(module) || !is_plain_name(name))
    return machine_->refuse("class " + shown(module) + "." + shown(name) + " is not accepted");
  tag.cls.kind = class_kind::unknown;
  return true;
}

bool object_builder::reduce() {
  if (!machine_->have(2)) return false;
  auto& stack = machine_->stack();
  auto args = stack.pop(), callee = stack.pop();
  if (!callee.is(item_kind::class_ref)) return call_value(callee, args);
  if (callee.is_class(class_kind::reconstructor) && args.is(item_kind::reconstruction)) {
    if (args.tag.cls.kind == class_kind::call_request) return calls_->make();
    return users_->construct(user_class(args), construction::new_only, value::tuple({}));
  }
  bool has_class = args.is(item_kind::new_arguments);
  if (callee.is_class(class_kind::array_reconstructor) && has_class
      && args.tag.cls.kind == class_kind::array)
    return make_array(*machine_, args.v);
  if (callee.is_class(class_kind::new_object) && has_class && args.tag.cls.kind == class_kind::user)
    return users_->construct(user_class(args), construction::new_only, args.v);
  return call(callee, args);
}

bool object_builder::call_value(const stack_item& callee, const stack_item& args) {
  bool is_object = callee.is_data(kind::object) || is_unknown_exception(callee);
  if (!makes_stand_ins() || !is_object || !args.is_data(kind::tuple))
    return machine_->refuse("expected a class to call, found a " + std::string{type_of(callee)});
  return stand_ins_.call(callee.v, args.v.items());
}

bool object_builder::newobj() {
  if (!machine_->have(2)) return false;
  auto& stack = machine_->stack();
  auto args = stack.pop(), callee = stack.pop();
  if (!callee.is(item_kind::class_ref))
    return machine_->refuse("expected a class, found a " + std::string{type_of(callee)});
  switch (callee.tag.cls.kind) {
  case class_kind::call_request:
    if (!args.is_data(kind::tuple) || !args.v.items().empty())
      return machine_->refuse("expected no arguments for a new CallRequest");
    return calls_->make();
  case class_kind::exception: return call(callee, args);
  case class_kind::unknown: return make_new(callee, args);
  case class_kind::user:
    if (!args.is(item_kind::data)) return machine_->refuse_hidden(args);
    return users_->construct(user_class(callee), construction::new_only, args.v);
  default:
    return machine_->refuse("expected a CallRequest, an exception or an added class for NEWOBJ");
  }
}

// CPython makes plain objects so, and exceptions by a call.
bool object_builder::make_new(const stack_item& callee, const stack_item& args) {
  if (!args.is_data(kind::tuple))
    return machine_->refuse("expected a tuple of arguments, found a " + std::string{type_of(args)});
  return stand_ins_.construct(callee.v, construction::new_only, args.v.items());
}

// Beside the arguments of NEWOBJ there are keyword arguments, which stand behind them.
bool object_builder::newobj_ex() {
  auto& stack = machine_->stack();
  if (!machine_->have(3) || !machine_->all_data(stack.size() - 2)) return false;
  auto keywords = stack.pop().v, args = stack.pop().v;
  auto callee = stack.pop();
  if (callee.v.kind() != kind::object || args.kind() != kind::tuple)
    return machine_->refuse("expected a class and its arguments, found a "
                            + std::string{type_of(callee)});
  if (keywords.depth() >= value::max_depth) return machine_->budget().refuse_depth();
  std::vector<value> all{args.items().begin(), args.items().end()};
  all.push_back(std::move(keywords));
  return stand_ins_.construct(callee.v, construction::new_only, all);
}

bool object_builder::call(const stack_item& callee, const stack_item& args) {
  if (!args.is_data(kind::tuple))
    return machine_->refuse("expected a tuple of arguments, found a " + std::string{type_of(args)});
  switch (callee.tag.cls.kind) {
  case class_kind::exception:
  case class_kind::python2_oserror: return make_known_exception(callee.tag.cls, args.v);
  case class_kind::user: return users_->construct(user_class(callee), construction::call, args.v);
  case class_kind::unknown: return make_unknown(callee, args.v);
  case class_kind::set: return make_set(kind::set, args.v);
  case class_kind::frozenset: return make_set(kind::frozenset, args.v);
  case class_kind::complex: return make_complex(args.v);
  case class_kind::bytearray: return make_bytearray(args.v);
  case class_kind::bytes: return make_bytes(args.v);
  case class_kind::encode: return encode(args.v);
  default: return machine_->refuse("expected a class of plain data");
  }
}

bool object_builder::make_known_exception(class_ref cls, const value& args) {
  auto items = args.items();
  return machine_->budget().spend(0, items.size())
         && machine_->push(make_exception(cls, {items.begin(), items.end()}));
}

// A pickle does not tell which classes are exceptions.
bool object_builder::make_unknown(const stack_item& cls, const value& args) {
  const auto& [module, name, made_by, nothing, no_items, no_entries, state] = cls.v.as_object();
  auto items = args.items();
  if (is_known_object(module, name)) return stand_ins_.construct(cls.v, construction::call, items);
  auto path = module + "." + name;
  return machine_->budget().spend(path.size(), items.size())
         && machine_->push(value::exception(path, {items.begin(), items.end()}));
}

bool object_builder::make_set(kind k, const value& args) {
  auto set = value_access::adopt(new heap_set{k});
  if (args.items().empty()) return machine_->push(std::move(set));
  const auto& items = args.items().front();
  if (args.items().size() != 1 || !is_sequence(items.kind()))
    return machine_->refuse("expected one list of items for a set");
  if (!machine_->budget().spend(dict_overhead, items.items().size())) return false;
  for (const auto& item : items.items())
    if (!containers_->add_item(set, item)) return false;
  return machine_->push(std::move(set));
}

bool object_builder::make_complex(const value& args) {
  auto parts = args.items();
  bool reals = parts.size() == 2 && parts[0].kind() == kind::real && parts[1].kind() == kind::real;
  if (!reals) return machine_->refuse("expected two floats for a complex");
  return machine_->push(std::complex<double>{parts[0].as_real(), parts[1].as_real()});
}

bool object_builder::make_bytes(const value& args) {
  if (!args.items().empty()) return machine_->refuse("expected no arguments for bytes");
  return machine_->push(value::bytes({}));
}

// Python 3.8 and later versions pass bytes. Earlier versions pass a Latin-1 text and the name of
// the encoding.
bool object_builder::make_bytearray(const value& args) {
  auto parts = args.items();
  if (parts.empty()) return machine_->push(value::bytearray({}));
  if (parts.size() == 2) {
    std::string bytes;
    return latin1_bytes(args, bytes) && machine_->push(value::bytearray(bytes));
  }
  if (parts.size() != 1 || parts[0].kind() != kind::bytes)
    return machine_->refuse("expected bytes for a bytearray");
  auto bytes = parts[0].data();
  return machine_->budget().spend(bytes.size()) && machine_->push(value::bytearray(bytes));
}

bool object_builder::encode(const value& args) {
  std::string bytes;
  return latin1_bytes(args, bytes) && machine_->push(value::bytes(bytes));
}

bool object_builder::latin1_bytes(const value& args, std::string& bytes) {
  auto parts = args.items();
  bool latin1 = parts.size() == 2 && parts[0].is_text() && parts[1].is_text()
                && (parts[1].text() == "latin1" || parts[1].text() == "latin-1");
  if (!latin1) return machine_->refuse("expected a text and 'latin1'");
  auto rest = parts[0].text();
  if (!machine_->budget().spend(rest.size())) return false;
  while (!rest.empty()) {
    auto c = decode_utf8(rest);
    if (c.code > 0xff) return machine_->refuse("expected a text of Latin-1 characters");
    bytes.push_back(static_cast<char>(c.code));
    rest.remove_prefix(c.size);
  }
  return true;
}

bool object_builder::build() {
  auto& stack = machine_->stack();
  if (!machine_->have(2) || !machine_->all_data(stack.size() - 1)) return false;
  auto state = stack.pop().v;
  auto& object = stack.top();
  if (object.is(item_kind::call)) return calls_->set_fields(state);
  if (object.is_data(kind::object)) return set_object_state(object.v, std::move(state));
  if (object.is_data(kind::exception)) return set_exception_state(object.v, state);
  return machine_->refuse("expected a CallRequest, an exception or an object for BUILD, found a "
                          + std::string{type_of(object)});
}

bool object_builder::set_object_state(const value& object, value state) {
  if (is_stand_in(object)) return stand_ins_.set_state(std::move(state));
  return users_->set_state(object, std::move(state));
}

bool object_builder::is_stand_in(const value& object) const {
  const auto& o = object.as_object();
  bool is_array = find_standard_class(o.module, o.name) == standard_class::array;
  return makes_stand_ins() && !is_array && !types_->find(o.module, o.name);
}

bool object_builder::prepare_target(std::size_t first) {
  auto& stack = machine_->stack();
  if (!makes_stand_ins() || first <= stack.fence()) return true;
  return !is_unknown_exception(stack[first - 1]) || stand_ins_.make_target(first);
}

bool object_builder::finish(value& v) {
  if (!makes_stand_ins()) return true;
  if (v.kind() == kind::object && !is_stand_in(v)) v = as_exception(v);
  else if (v.kind() == kind::object && !is_known_object(v.as_object().module, v.as_object().name))
    v = exception_of(v.as_object());
  if (v.kind() != kind::exception) return machine_->failure().refuse_tolerated();
  auto args = v.exception_args(), notes = v.exception_notes();
  if (!find_builtin_exception(v.exception_type()))
    v = exception_of(std::string{v.exception_type()}, args, {notes.begin(), notes.end()});
  return true;
}

tl::unexpected<error> object_builder::refused() {
  auto& why = machine_->failure();
  auto rest =
    makes_stand_ins() && !why.is_malformed() ? salvage(machine_->stack(), why.message()) : value{};
  auto refusal = machine_->failure().take();
  refusal.value().exception = std::move(rest);
  return refusal;
}

// Keeps only the notes from the state of an exception. An unknown class may have any state.
bool object_builder::set_exception_state(const value& exception, const value& state) {
  bool known = find_builtin_exception(exception.exception_type()) != nullptr;
  if (state.kind() != kind::dict)
    return state.is_none() || !known || makes_stand_ins()
           || machine_->refuse("expected a dict as an exception's state, found a "
                               + std::string{type_name(state.kind())});
  const auto* notes = state.find(value{"__notes__"});
  if (!notes || (notes->kind() != kind::list && notes->kind() != kind::tuple)) return true;
  auto items = notes->items();
  if (!machine_->budget().spend(0, items.size())) return false;
  std::vector<value> all{items.begin(), items.end()};
  if (makes_stand_ins() && value_access::is_frozen(exception)) return replace_noted(std::move(all));
  return machine_->refuse(value_access::set_notes(exception, std::move(all)), exception);
}

// An exception that refers to itself was shared before it has its notes. A copy gets the notes.
bool object_builder::replace_noted(std::vector<value> notes) {
  auto& top = machine_->stack().top().v;
  auto copies = top.exception_args().size() + top.exception_file_names().size();
  if (!machine_->budget().spend(top.exception_type().size(), copies)) return false;
  for (const auto& note : notes)
    if (note.depth() >= value::max_depth) return machine_->budget().refuse_depth();
  top = with_notes(top, std::move(notes));
  return true;
}

} // namespace patio::pickle
