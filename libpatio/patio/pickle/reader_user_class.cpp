#include <patio/pickle/reader.hpp>

#include <patio/value/standard_types.hpp>

namespace patio::pickle {
using detail::class_of;
using detail::find_standard_class;
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

bool reader::reconstruct(const stack_item& with) {
  if (with.tag.cls.kind == class_kind::call_request) return new_call();
  value made;
  return construct_object(types_->entries()[with.tag.other], construction::new_only,
                          value::tuple({}), made)
         && push(std::move(made));
}

bool reader::construct_object(const python_types::entry& cls, construction made_by,
                              const value& args, value& made) {
  if (args.kind() != kind::tuple)
    return refuse("expected a tuple of arguments, found a " + std::string{type_name(args.kind())});
  // A text that many objects share is looked at for each of them.
  auto looked_at = object_overhead + cls.module.size() + cls.name.size();
  for (const auto& arg : args.items())
    if (arg.is_text()) looked_at += arg.text().size();
  if (!charge(looked_at, args.items().size())) return false;
  if (auto wanted = wrong_arguments(cls.standard, made_by, args.items()); !wanted.empty())
    return refuse("expected " + std::string{wanted} + " for a " + path_of(cls));
  if (needs_state(cls.standard)) ++stateless_;
  has_objects_ = true;
  made = value::object({.module = cls.module,
                        .name = cls.name,
                        .made_by = made_by,
                        .args = {args.items().begin(), args.items().end()}});
  return true;
}

bool reader::build_object(const value& object, value state) {
  const auto& o = object.as_object();
  auto c = find_standard_class(o.module, o.name);
  if (state.kind() == kind::dict && !charge(0, state.entries().size()))
    return false; // nor is a shared state looked at only once
  if (auto wanted = wrong_state(c, state); !wanted.empty())
    return refuse("expected " + std::string{wanted} + " for a " + path_of(o));
  if (!o.state.is_none())
    return refuse("expected one state for a " + path_of(o) + ", found a second");
  if (needs_state(c)) --stateless_;
  return refuse(value_access::set_state(object, std::move(state)), object);
}

const value* reader::object_below(std::size_t first) const {
  if (first <= fence_) return nullptr;
  const auto& target = stack_[first - 1];
  return target.is(item_kind::data) && target.v.kind() == kind::object ? &target.v : nullptr;
}

// In the order in which CPython writes them: items, entries, state. Another order could make
// another object.
bool reader::append_to_object(const value& object, std::size_t first) {
  const auto& o = object.as_object();
  if (!takes_items(class_of(object))) return refuse("expected no items for a " + path_of(o));
  if (!o.entries.empty() || !o.state.is_none())
    return refuse("expected the items of a " + path_of(o) + " before its entries and state");
  if (!all_data(first)) return false;
  for (auto i = first; i < stack_.size(); ++i)
    if (auto why = value_access::append_item(object, std::move(stack_[i].v)); why != refusal::none)
      return refuse(why, {});
  drop(first);
  return true;
}

// In Python a key that comes again keeps its place and gets another value; no pickler writes one
// twice.
bool reader::is_new_key(const value& ordered_dict, const value& key) {
  auto& keys = ordered_keys_[value_access::get(ordered_dict)];
  if (keys.is_none()) keys = value_access::adopt(new heap_set{kind::set});
  return add_item(keys, key);
}

bool reader::set_in_object(const value& object, std::size_t first) {
  const auto& o = object.as_object();
  auto c = class_of(object);
  if (!takes_entries(c)) return refuse("expected no entries for a " + path_of(o));
  if (!o.state.is_none())
    return refuse("expected the entries of a " + path_of(o) + " before its state");
  if (!all_data(first)) return false;
  if ((stack_.size() - first) % 2 != 0)
    return refuse("expected a value for each key of a " + path_of(o));
  for (auto i = first; i < stack_.size(); i += 2) {
    const auto& key = stack_[i].v;
    if (c == standard_class::ordered_dict && !is_new_key(object, key)) return false;
    auto why = value_access::set_entry(object, key, std::move(stack_[i + 1].v));
    if (why != refusal::none) return refuse(why, key);
  }
  drop(first);
  return true;
}

// An ERROR whose exception is of a class of the user's own.
value reader::as_exception(const value& object) const {
  const auto& o = object.as_object();
  if (find_standard_class(o.module, o.name) != standard_class::none) return object;
  auto made = value::exception(path_of(o), o.args);
  const auto* notes = o.state.kind() == kind::dict ? o.state.find("__notes__") : nullptr;
  if (notes && (notes->kind() == kind::list || notes->kind() == kind::tuple))
    (void)value_access::set_notes(made, {notes->items().begin(), notes->items().end()});
  return made;
}

} // namespace patio::pickle
