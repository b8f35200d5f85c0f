#include <patio/pickle/reader.hpp>

#include <algorithm>

#include <patio/base/utf8.hpp>

namespace patio::pickle {
using detail::is_utf8;
namespace {

constexpr std::size_t longest_name = 256; ///< of an unknown module or class that is kept

/// For messages: printable ASCII, the rest escaped, cut.
std::string shown(std::string_view name) {
  constexpr std::string_view digits = "0123456789abcdef";
  constexpr std::size_t most = 80;
  std::string text;
  for (auto c : name) {
    if (text.size() >= most) return text + "...";
    auto code = static_cast<unsigned char>(c);
    if (code > 0x20 && code < 0x7f && code != '\\') text += c;
    else text += {'\\', 'x', digits[code >> 4], digits[code & 15]};
  }
  return text;
}

/// What a class path may hold so that it can be logged.
bool is_plain_name(std::string_view name) {
  auto plain = [](char c) { return static_cast<unsigned char>(c) > 0x20 && c != 0x7f; };
  return !name.empty() && name.size() <= longest_name && is_utf8(name)
         && std::ranges::all_of(name, plain);
}

/// Names that CPython translates up to protocol 2, and does not find from there on.
bool is_python2(std::string_view module) {
  return module == "__builtin__" || module == "exceptions" || module == "copy_reg";
}

bool is_sequence(kind k) {
  return k == kind::list || k == kind::tuple || k == kind::set || k == kind::frozenset;
}

} // namespace

bool reader::global_line() {
  std::string_view module, name;
  return line(module) && line(name) && name_class(module, name);
}

bool reader::stack_global() {
  if (!have(2)) return false;
  if (!all_data(stack_.size() - 2)) return false;
  auto name = std::move(stack_.back().v), module = std::move(stack_[stack_.size() - 2].v);
  if (!name.is_text() || !module.is_text())
    return refuse("expected a module and a class name, found other values");
  drop(stack_.size() - 2);
  return name_class(module.text(), name.text());
}

bool reader::name_class(std::string_view module, std::string_view name) {
  item_tag tag{item_kind::class_ref, {}, 0};
  auto known = protocol_ > 2 && is_python2(module) ? std::nullopt : find_class(module, name);
  if (known && (known->kind != class_kind::new_object || !types_->entries().empty())) {
    tag.cls = *known;
  } else if (const auto* added = types_->find(module, name)) {
    tag.cls.kind = class_kind::user;
    tag.other = static_cast<std::uint32_t>(added - types_->entries().data());
  } else {
    if (unknown_ == unknown_class::refuse || !is_plain_name(module) || !is_plain_name(name))
      return refuse("class " + shown(module) + "." + shown(name) + " is not accepted");
    tag.other = static_cast<std::uint32_t>(unknown_paths_.size());
    unknown_paths_.push_back(std::string{module} + "." + std::string{name});
    if (!charge(module.size() + name.size())) return false;
  }
  return push_hidden(stack_item{tag});
}

bool reader::reduce() {
  if (!have(2)) return false;
  auto args = std::move(stack_.back()), callee = std::move(stack_[stack_.size() - 2]);
  drop(stack_.size() - 2);
  if (!callee.is(item_kind::class_ref))
    return refuse("expected a class to call, found a " + std::string{type_of(callee)});
  if (callee.tag.cls.kind == class_kind::reconstructor && args.is(item_kind::reconstruction))
    return reconstruct(args);
  value made;
  if (callee.tag.cls.kind == class_kind::new_object && args.is(item_kind::new_arguments))
    return construct_object(types_->entries()[args.tag.other], construction::new_only, args.v, made)
           && push(std::move(made));
  return construct(callee, args, made) && push(std::move(made));
}

bool reader::newobj() {
  if (!have(2)) return false;
  auto args = std::move(stack_.back()), callee = std::move(stack_[stack_.size() - 2]);
  drop(stack_.size() - 2);
  if (!callee.is(item_kind::class_ref))
    return refuse("expected a class, found a " + std::string{type_of(callee)});
  bool empty = args.is(item_kind::data) && args.v.kind() == kind::tuple && args.v.items().empty();
  value made;
  switch (callee.tag.cls.kind) {
  case class_kind::call_request:
    return empty ? new_call() : refuse("expected no arguments for a new CallRequest");
  case class_kind::exception:
  case class_kind::unknown: return construct(callee, args, made) && push(std::move(made));
  case class_kind::user:
    if (!args.is(item_kind::data)) return refuse_hidden(args);
    return construct_object(types_->entries()[callee.tag.other], construction::new_only, args.v,
                            made)
           && push(std::move(made));
  default: return refuse("expected a CallRequest or an exception to make");
  }
}

bool reader::construct(const stack_item& callee, const stack_item& with, value& made) {
  if (!with.is(item_kind::data) || with.v.kind() != kind::tuple)
    return refuse("expected a tuple of arguments, found a " + std::string{type_of(with)});
  const auto& args = with.v;
  switch (callee.tag.cls.kind) {
  case class_kind::exception:
  case class_kind::python2_oserror:
    if (!charge(0, args.items().size())) return false;
    made = make_exception(callee.tag.cls, {args.items().begin(), args.items().end()});
    return true;
  case class_kind::user:
    return construct_object(types_->entries()[callee.tag.other], construction::call, args, made);
  case class_kind::unknown:
    if (!charge(unknown_paths_[callee.tag.other].size(), args.items().size())) return false;
    made = value::exception(unknown_paths_[callee.tag.other],
                            {args.items().begin(), args.items().end()});
    return true;
  case class_kind::set: return construct_set(kind::set, args, made);
  case class_kind::frozenset: return construct_set(kind::frozenset, args, made);
  case class_kind::complex: return construct_complex(args, made);
  case class_kind::bytearray: return construct_bytearray(args, made);
  case class_kind::bytes:
    made = value::bytes({});
    return args.items().empty() || refuse("expected no arguments for bytes");
  case class_kind::encode: return encode_latin1(args, made);
  default: return refuse("expected a class of data to call");
  }
}

bool reader::construct_set(kind k, const value& args, value& made) {
  made = value_access::adopt(new heap_set{k});
  if (args.items().empty()) return true;
  const auto& items = args.items().front();
  if (args.items().size() != 1 || !is_sequence(items.kind()))
    return refuse("expected one list of items for a set");
  if (!charge(dict_overhead, items.items().size())) return false;
  return std::ranges::all_of(items.items(),
                             [&](const value& item) { return add_item(made, item); });
}

bool reader::construct_complex(const value& args, value& made) {
  auto parts = args.items();
  bool reals = parts.size() == 2 && parts[0].kind() == kind::real && parts[1].kind() == kind::real;
  if (!reals) return refuse("expected two floats for a complex");
  made = std::complex<double>{parts[0].as_real(), parts[1].as_real()};
  return true;
}

// Python 3.8 and later pass bytes; before, it was a Latin-1 text and the name of that encoding.
bool reader::construct_bytearray(const value& args, value& made) {
  auto parts = args.items();
  made = value::bytearray({});
  if (parts.empty()) return true;
  if (parts.size() == 2) {
    value bytes;
    if (!encode_latin1(args, bytes)) return false;
    made = value::bytearray(bytes.data());
    return true;
  }
  if (parts.size() != 1 || parts[0].kind() != kind::bytes)
    return refuse("expected bytes for a bytearray");
  if (!charge(parts[0].data().size())) return false;
  made = value::bytearray(parts[0].data());
  return true;
}

bool reader::encode_latin1(const value& args, value& made) {
  auto parts = args.items();
  bool latin1 = parts.size() == 2 && parts[0].is_text() && parts[1].is_text()
                && (parts[1].text() == "latin1" || parts[1].text() == "latin-1");
  if (!latin1) return refuse("expected a text and 'latin1'");
  auto rest = parts[0].text();
  if (!charge(rest.size())) return false;
  std::string bytes;
  while (!rest.empty()) {
    auto c = decode_utf8(rest);
    if (c.code > 0xff) return refuse("expected a text of Latin-1 characters");
    bytes.push_back(static_cast<char>(c.code));
    rest.remove_prefix(c.size);
  }
  made = value::bytes(bytes);
  return true;
}

bool reader::build() {
  if (!have(2) || !all_data(stack_.size() - 1)) return false;
  auto state = std::move(stack_.back().v);
  stack_.pop_back();
  auto& object = stack_.back();
  if (object.is(item_kind::call)) return build_call(state);
  if (object.is(item_kind::data) && object.v.kind() == kind::object)
    return build_object(object.v, std::move(state));
  if (!object.is(item_kind::data) || object.v.kind() != kind::exception)
    return refuse("expected an exception or a CallRequest to set the state of, found a "
                  + std::string{type_of(object)});
  return build_exception(object.v, state);
}

// Of an exception's attributes only the notes are kept. A class outside the list may have any
// state.
bool reader::build_exception(const value& exception, const value& state) {
  bool known = find_builtin_exception(exception.exception_type()) != nullptr;
  if (state.kind() != kind::dict)
    return state.is_none() || !known
           || refuse("expected a dict as an exception's state, found a "
                     + std::string{type_name(state.kind())});
  const auto* notes = state.find(value{"__notes__"});
  if (!notes || (notes->kind() != kind::list && notes->kind() != kind::tuple)) return true;
  if (!charge(0, notes->items().size())) return false;
  return refuse(value_access::set_notes(exception, {notes->items().begin(), notes->items().end()}),
                exception);
}

} // namespace patio::pickle
