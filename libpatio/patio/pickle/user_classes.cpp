#include <patio/pickle/user_classes.hpp>

#include <patio/value/standard_types.hpp>

namespace patio::pickle {

using detail::class_of;
using detail::find_standard_class;
using detail::heap_set;
using detail::needs_state;
using detail::standard_class;
using detail::takes_entries;
using detail::takes_items;
using detail::wrong_arguments;
using detail::wrong_state;

namespace {

std::string path_of(const python_types::entry& cls) { return cls.module + "." + cls.name; }

std::string path_of(const object_parts& o) { return o.module + "." + o.name; }

} // namespace

bool user_classes::construct(const python_types::entry& cls, construction made_by,
                             const value& args) {
  if (args.kind() != kind::tuple)
    return machine_->refuse("expected a tuple of arguments, found a "
                            + std::string{type_name(args.kind())});
  // wrong_arguments() reads every text, even a text that many objects share, so each object pays
  // for the full length.
  auto length = object_overhead + cls.module.size() + cls.name.size();
  for (const auto& arg : args.items())
    if (arg.is_text()) length += arg.text().size();
  if (!machine_->budget().spend(length, args.items().size())) return false;
  if (auto wanted = wrong_arguments(cls.standard, made_by, args.items()); !wanted.empty())
    return machine_->refuse("expected " + std::string{wanted} + " for a " + path_of(cls));
  if (needs_state(cls.standard)) ++incomplete_;
  containers_->refuse_twins();
  return machine_->push(value::object({.module = cls.module,
                                       .name = cls.name,
                                       .made_by = made_by,
                                       .args = {args.items().begin(), args.items().end()}}));
}

bool user_classes::set_state(const value& object, value state) {
  const auto& o = object.as_object();
  auto c = find_standard_class(o.module, o.name);
  // wrong_state() reads every entry, even of a state that many objects share, so each object pays
  // for all entries.
  if (state.kind() == kind::dict && !machine_->budget().spend(0, state.entries().size()))
    return false;
  if (auto wanted = wrong_state(c, state); !wanted.empty())
    return machine_->refuse("expected " + std::string{wanted} + " for a " + path_of(o));
  if (!o.state.is_none())
    return machine_->refuse("expected one state for a " + path_of(o) + ", found a second");
  if (needs_state(c)) --incomplete_;
  return machine_->refuse(value_access::set_state(object, std::move(state)), object);
}

const value* user_classes::target_below(std::size_t first) const {
  auto& stack = machine_->stack();
  if (first <= stack.fence() || !stack[first - 1].is_data(kind::object)) return nullptr;
  return &stack[first - 1].v;
}

// CPython writes the items, then the entries, then the state. Another order could make a different
// object.
bool user_classes::append_items(const value& object, std::size_t first) {
  const auto& o = object.as_object();
  if (!takes_items(class_of(object)))
    return machine_->refuse("expected no items for a " + path_of(o));
  if (!o.entries.empty() || !o.state.is_none())
    return machine_->refuse("expected the items of a " + path_of(o)
                            + " before its entries and state");
  if (!machine_->all_data(first)) return false;
  auto& stack = machine_->stack();
  for (auto i = first; i < stack.size(); ++i) {
    auto why = value_access::append_item(object, std::move(stack[i].v));
    if (why != refusal::none) return machine_->refuse(why, {});
  }
  stack.drop(first);
  return true;
}

// In Python a repeated key keeps its position and gets the new value. No pickler writes a key
// twice, so a repeated key is refused.
bool user_classes::is_new_key(const value& ordered_dict, const value& key) {
  auto& keys = ordered_keys_[value_access::get(ordered_dict)];
  if (keys.is_none()) keys = value_access::adopt(new heap_set{kind::set});
  return containers_->add_item(keys, key);
}

bool user_classes::set_items(const value& object, std::size_t first) {
  const auto& o = object.as_object();
  auto c = class_of(object);
  if (!takes_entries(c)) return machine_->refuse("expected no entries for a " + path_of(o));
  if (!o.state.is_none())
    return machine_->refuse("expected the entries of a " + path_of(o) + " before its state");
  if (!machine_->all_data(first)) return false;
  auto& stack = machine_->stack();
  if ((stack.size() - first) % 2 != 0)
    return machine_->refuse("expected a value for each key of a " + path_of(o));
  for (auto i = first; i < stack.size(); i += 2) {
    const auto& key = stack[i].v;
    if (c == standard_class::ordered_dict && !is_new_key(object, key)) return false;
    auto why = value_access::set_entry(object, key, std::move(stack[i + 1].v));
    if (why != refusal::none) return machine_->refuse(why, key);
  }
  stack.drop(first);
  return true;
}

value as_exception(const value& object) {
  const auto& o = object.as_object();
  if (find_standard_class(o.module, o.name) != standard_class::none) return object;
  auto made = value::exception(path_of(o), o.args);
  const auto* notes = o.state.kind() == kind::dict ? o.state.find("__notes__") : nullptr;
  if (notes && (notes->kind() == kind::list || notes->kind() == kind::tuple))
    (void)value_access::set_notes(made, {notes->items().begin(), notes->items().end()});
  return made;
}

} // namespace patio::pickle
