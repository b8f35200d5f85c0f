#include <patio/pickle/object_builder.hpp>

#include <algorithm>

#include <patio/base/utf8.hpp>

namespace patio::pickle {

using detail::heap_set;

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
  return machine_->push_hidden(stack_item{tag});
}

bool object_builder::name_unknown_class(std::string_view module, std::string_view name,
                                        item_tag& tag) {
  if (unknown_ == unknown_class::refuse || !is_plain_name(module) || !is_plain_name(name))
    return machine_->refuse("class " + shown(module) + "." + shown(name) + " is not accepted");
  tag.index = static_cast<std::uint32_t>(unknown_paths_.size());
  unknown_paths_.push_back(std::string{module} + "." + std::string{name});
  return machine_->budget().spend(module.size() + name.size());
}

bool object_builder::reduce() {
  if (!machine_->have(2)) return false;
  auto& stack = machine_->stack();
  auto args = stack.pop(), callee = stack.pop();
  if (!callee.is(item_kind::class_ref))
    return machine_->refuse("expected a class to call, found a " + std::string{type_of(callee)});
  if (callee.is_class(class_kind::reconstructor) && args.is(item_kind::reconstruction)) {
    if (args.tag.cls.kind == class_kind::call_request) return calls_->make();
    return users_->construct(user_class(args), construction::new_only, value::tuple({}));
  }
  if (callee.is_class(class_kind::new_object) && args.is(item_kind::new_arguments))
    return users_->construct(user_class(args), construction::new_only, args.v);
  return call(callee, args);
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
  case class_kind::exception:
  case class_kind::unknown: return call(callee, args);
  case class_kind::user:
    if (!args.is(item_kind::data)) return machine_->refuse_hidden(args);
    return users_->construct(user_class(callee), construction::new_only, args.v);
  default:
    return machine_->refuse("expected a CallRequest, an exception or an added class for NEWOBJ");
  }
}

bool object_builder::call(const stack_item& callee, const stack_item& args) {
  if (!args.is_data(kind::tuple))
    return machine_->refuse("expected a tuple of arguments, found a " + std::string{type_of(args)});
  switch (callee.tag.cls.kind) {
  case class_kind::exception:
  case class_kind::python2_oserror: return make_known_exception(callee.tag.cls, args.v);
  case class_kind::user: return users_->construct(user_class(callee), construction::call, args.v);
  case class_kind::unknown: return make_unknown_exception(unknown_paths_[callee.tag.index], args.v);
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

bool object_builder::make_unknown_exception(const std::string& path, const value& args) {
  auto items = args.items();
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
  if (object.is_data(kind::object)) return users_->set_state(object.v, std::move(state));
  if (object.is_data(kind::exception)) return set_exception_state(object.v, state);
  return machine_->refuse("expected a CallRequest, an exception or an object for BUILD, found a "
                          + std::string{type_of(object)});
}

// Keeps only the notes from the state of an exception. An unknown class may have any state.
bool object_builder::set_exception_state(const value& exception, const value& state) {
  bool known = find_builtin_exception(exception.exception_type()) != nullptr;
  if (state.kind() != kind::dict)
    return state.is_none() || !known
           || machine_->refuse("expected a dict as an exception's state, found a "
                               + std::string{type_name(state.kind())});
  const auto* notes = state.find(value{"__notes__"});
  if (!notes || (notes->kind() != kind::list && notes->kind() != kind::tuple)) return true;
  auto items = notes->items();
  if (!machine_->budget().spend(0, items.size())) return false;
  return machine_->refuse(value_access::set_notes(exception, {items.begin(), items.end()}),
                          exception);
}

} // namespace patio::pickle
