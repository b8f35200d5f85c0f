#include <patio/pickle/reader.hpp>

#include <algorithm>

namespace patio::pickle {
namespace {

/// The room to have for some items more: twice what there is or more, as a list that comes in many
/// parts must not be moved for each of them.
template <class T>
std::size_t room_for(const std::vector<T>& items, std::size_t more) {
  auto wanted = items.size() + more;
  return wanted <= items.capacity() ? items.capacity() : std::max(wanted, 2 * items.capacity());
}

} // namespace

bool reader::all_data(std::size_t first) {
  for (auto i = first; i < stack_.size(); ++i)
    if (!stack_[i].is(item_kind::data)) return refuse_hidden(stack_[i]);
  return true;
}

bool reader::shallow_enough(std::size_t first) {
  for (auto i = first; i < stack_.size(); ++i)
    if (stack_[i].v.depth() >= value::max_depth) return refuse_depth();
  return true;
}

// Protocols 0 and 1 pass a class in a tuple to make an object of it, and `object` beside it; no
// other tuple may hold a class.
bool reader::make_tuple(std::size_t first) {
  if (first < stack_.size() && stack_[first].is(item_kind::class_ref))
    return make_class_tuple(first);
  if (!all_data(first) || !shallow_enough(first)) return false;
  std::vector<value> items;
  items.reserve(stack_.size() - first);
  for (auto i = first; i < stack_.size(); ++i) items.push_back(std::move(stack_[i].v));
  drop(first);
  return push(value::tuple(std::move(items)));
}

bool reader::make_class_tuple(std::size_t first) {
  auto is_class = [&](std::size_t i, class_kind k) {
    return stack_[i].is(item_kind::class_ref) && stack_[i].tag.cls.kind == k;
  };
  auto made = stack_item{stack_[first].tag};
  bool added = is_class(first, class_kind::user);
  if (stack_.size() - first == 3 && (added || is_class(first, class_kind::call_request))
      && is_class(first + 1, class_kind::object) && stack_[first + 2].is(item_kind::data)
      && stack_[first + 2].v.is_none()) {
    made.tag.what = item_kind::reconstruction;
    drop(first);
    return push_hidden(std::move(made));
  }
  if (!added) return refuse_hidden(stack_[first]);
  if (!all_data(first + 1)) return false;
  made.tag.what = item_kind::new_arguments;
  if (!make_tuple(first + 1)) return false;
  made.v = std::move(stack_.back().v);
  drop(first);
  return push_hidden(std::move(made));
}

bool reader::make_list(std::size_t first) {
  auto list = value_access::adopt(new heap_sequence{kind::list});
  if (!append_to(list, first)) return false;
  drop(first);
  return push(std::move(list));
}

bool reader::make_dict(std::size_t first) {
  auto dict = value_access::adopt(new heap_dict);
  if (!assign_from(first, dict)) return false;
  drop(first);
  return push(std::move(dict), dict_overhead);
}

bool reader::make_frozenset(std::size_t first) {
  auto set = value_access::adopt(new heap_set{kind::frozenset});
  if (!add_from(first, set)) return false;
  drop(first);
  return push(std::move(set), dict_overhead);
}

bool reader::target_below(std::size_t first, kind k) {
  if (first <= fence_)
    return refuse("expected a " + std::string{type_name(k)} + " on the stack, found none");
  const auto& target = stack_[first - 1];
  if (target.is(item_kind::data) && target.v.kind() == k) return true;
  return refuse("expected a " + std::string{type_name(k)} + ", found a "
                + std::string{type_of(target)});
}

bool reader::append_from(std::size_t first) {
  if (const auto* object = object_below(first)) return append_to_object(*object, first);
  if (!target_below(first, kind::list) || !append_to(stack_[first - 1].v, first)) return false;
  drop(first);
  return true;
}

bool reader::append_to(const value& list, std::size_t first) {
  if (!all_data(first)) return false;
  auto& items = static_cast<heap_sequence*>(value_access::get(list))->items;
  items.reserve(room_for(items, stack_.size() - first));
  for (auto i = first; i < stack_.size(); ++i)
    if (auto why = value_access::append(list, std::move(stack_[i].v)); why != refusal::none)
      return refuse(why, {});
  return true;
}

bool reader::within_compared() {
  return !compared_.exceeded()
         || refuse(limit::pickle_compared_bytes, "more than "
                                                   + std::to_string(limits_.compared_bytes)
                                                   + " bytes of keys compared");
}

// Two keys that only their shared parts keep small would take for ever to compare.
bool reader::comparable(const value& key) {
  return key.weight() <= value::expansion_limit
         || refuse("expected a hashable value, found one with too many shared parts");
}

bool reader::add_item(const value& set, value item) {
  if (!comparable(item)) return false;
  auto before = set.items().size();
  if (auto why = value_access::add(set, item, compared_); why != refusal::none)
    return refuse(why, item);
  return added_once(before, set.items().size()) && within_compared();
}

// What is equal here may differ in Python, and the reverse: Decimal("1") is 1 there, and a NaN is
// itself if it is one object. So that no value is lost to a key that Python keeps apart, or takes
// the place of one that it does not, keys that come twice are refused where objects are about, and
// those of a NaN always.
bool reader::added_once(std::size_t before, std::size_t after) {
  bool once = !compared_.any_twins() && (!has_objects_ || after > before);
  return once || refuse("a key or an item of a set comes twice");
}

bool reader::add_from(std::size_t first, const value& set) {
  if (!all_data(first)) return false;
  for (auto i = first; i < stack_.size(); ++i)
    if (!add_item(set, std::move(stack_[i].v))) return false;
  return true;
}

bool reader::assign_from(std::size_t first, const value& dict) {
  if (!all_data(first)) return false;
  if ((stack_.size() - first) % 2 != 0) return refuse("expected a value for each key of the dict");
  auto& node = *static_cast<heap_dict*>(value_access::get(dict));
  auto room = room_for(node.entries, (stack_.size() - first) / 2);
  node.entries.reserve(room), node.index.reserve(room);
  for (auto i = first; i < stack_.size(); i += 2) {
    const auto& key = stack_[i].v;
    if (!comparable(key)) return false;
    auto before = node.entries.size();
    if (auto why = value_access::assign(dict, key, std::move(stack_[i + 1].v), compared_);
        why != refusal::none)
      return refuse(why, key);
    if (!added_once(before, node.entries.size()) || !within_compared()) return false;
  }
  return true;
}

bool reader::add_items(std::size_t first) {
  if (!target_below(first, kind::set) || !add_from(first, stack_[first - 1].v)) return false;
  drop(first);
  return true;
}

bool reader::set_items(std::size_t first) {
  if (const auto* object = object_below(first)) return set_in_object(*object, first);
  if (!target_below(first, kind::dict)) return false;
  if (!assign_from(first, stack_[first - 1].v)) return false;
  drop(first);
  return true;
}

} // namespace patio::pickle
