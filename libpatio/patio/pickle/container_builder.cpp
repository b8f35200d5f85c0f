#include <patio/pickle/container_builder.hpp>

#include <algorithm>

namespace patio::pickle {

using detail::heap_dict;
using detail::heap_sequence;
using detail::heap_set;

namespace {

/// Returns a capacity for `more` further items. A vector at least doubles when it grows, because a
/// list may arrive in many parts.
template <class T>
std::size_t capacity_for(const std::vector<T>& items, std::size_t more) {
  auto wanted = items.size() + more;
  return wanted <= items.capacity() ? items.capacity() : std::max(wanted, 2 * items.capacity());
}

} // namespace

inline bool container_builder::shallow_enough(std::size_t first) {
  auto& stack = machine_->stack();
  for (auto i = first; i < stack.size(); ++i)
    if (stack[i].v.depth() >= value::max_depth) return machine_->budget().refuse_depth();
  return true;
}

bool container_builder::make_tuple(std::size_t first) {
  auto& stack = machine_->stack();
  bool class_first = first < stack.size() && stack[first].is(item_kind::class_ref);
  bool is_array = class_first && stack[first].is_class(class_kind::array);
  if (class_first && (is_array || stack[first].v.is_none() || machine_->protocol() < 2))
    return make_class_tuple(first);
  if (!machine_->all_data(first) || !shallow_enough(first)) return false;
  std::vector<value> items;
  items.reserve(stack.size() - first);
  for (auto i = first; i < stack.size(); ++i) items.push_back(std::move(stack[i].v));
  stack.drop(first);
  return machine_->push(value::tuple(std::move(items)));
}

// In protocols 0 and 1 a pickle makes an object by a call with a tuple that begins with the class.
// In every protocol, so does the call that makes an array. No other tuple may contain a class, but
// it may contain the stand-in of a class.
bool container_builder::make_class_tuple(std::size_t first) {
  auto& stack = machine_->stack();
  auto made = stack_item{stack[first].tag};
  bool user = stack[first].is_class(class_kind::user);
  if (stack.size() - first == 3 && (user || stack[first].is_class(class_kind::call_request))
      && stack[first + 1].is_class(class_kind::object) && stack[first + 2].is_data(kind::none)) {
    made.tag.kind = item_kind::reconstruction;
    stack.drop(first);
    return machine_->push_hidden(std::move(made));
  }
  if (!user && !stack[first].is_class(class_kind::array))
    return machine_->all_data(first) && make_tuple(first);
  if (!machine_->all_data(first + 1) || !make_tuple(first + 1)) return false;
  made.tag.kind = item_kind::new_arguments;
  made.v = std::move(stack.top().v);
  stack.drop(first);
  return machine_->push_hidden(std::move(made));
}

bool container_builder::make_list(std::size_t first) {
  auto list = value_access::adopt(new heap_sequence{kind::list});
  return append_to(list, first) && machine_->push(std::move(list));
}

bool container_builder::make_dict(std::size_t first) {
  auto dict = value_access::adopt(new heap_dict);
  return assign_to(dict, first) && machine_->push(std::move(dict), dict_overhead);
}

bool container_builder::make_frozenset(std::size_t first) {
  auto set = value_access::adopt(new heap_set{kind::frozenset});
  return add_to(set, first) && machine_->push(std::move(set), dict_overhead);
}

bool container_builder::has_target(std::size_t first, kind k) {
  auto& stack = machine_->stack();
  if (first <= stack.fence())
    return machine_->refuse("expected a " + std::string{type_name(k)}
                            + " on the stack, found none");
  const auto& target = stack[first - 1];
  if (target.is_data(k)) return true;
  return machine_->refuse("expected a " + std::string{type_name(k)} + ", found a "
                          + std::string{type_of(target)});
}

bool container_builder::append_items(std::size_t first) {
  return has_target(first, kind::list) && append_to(machine_->stack()[first - 1].v, first);
}

bool container_builder::set_items(std::size_t first) {
  return has_target(first, kind::dict) && assign_to(machine_->stack()[first - 1].v, first);
}

bool container_builder::add_items(std::size_t first) {
  return has_target(first, kind::set) && add_to(machine_->stack()[first - 1].v, first);
}

bool container_builder::append_to(const value& list, std::size_t first) {
  if (!machine_->all_data(first)) return false;
  auto& stack = machine_->stack();
  auto& node = *static_cast<heap_sequence*>(value_access::get(list));
  node.items.reserve(capacity_for(node.items, stack.size() - first));
  auto item_at = [&](std::size_t i) -> value& { return stack[first + i].v; };
  auto why = value_access::append(node, stack.size() - first, item_at);
  if (why != refusal::none) return machine_->refuse(why, {});
  stack.drop(first);
  return true;
}

bool container_builder::assign_to(const value& dict, std::size_t first) {
  if (!machine_->all_data(first)) return false;
  auto& stack = machine_->stack();
  if ((stack.size() - first) % 2 != 0)
    return machine_->refuse("expected a value for each key of the dict");
  auto& node = *static_cast<heap_dict*>(value_access::get(dict));
  auto capacity = capacity_for(node.entries, (stack.size() - first) / 2);
  node.entries.reserve(capacity);
  node.index.reserve(capacity);
  for (auto i = first; i < stack.size(); i += 2) {
    auto& key = stack[i].v;
    if (!comparable(key)) return false;
    auto before = node.entries.size();
    auto why = value_access::assign(node, std::move(key), std::move(stack[i + 1].v),
                                    machine_->budget().compared());
    if (why != refusal::none) return machine_->refuse(why, key);
    if (!added_once(before, node.entries.size())) return false;
  }
  stack.drop(first);
  return true;
}

bool container_builder::add_to(const value& set, std::size_t first) {
  if (!machine_->all_data(first)) return false;
  auto& stack = machine_->stack();
  for (auto i = first; i < stack.size(); ++i)
    if (!add_item(set, std::move(stack[i].v))) return false;
  stack.drop(first);
  return true;
}

bool container_builder::add_item(const value& set, value item) {
  if (!comparable(item)) return false;
  auto before = set.items().size();
  auto why = value_access::add(set, std::move(item), machine_->budget().compared());
  if (why != refusal::none) return machine_->refuse(why, item);
  return added_once(before, set.items().size());
}

// A comparison of two keys expands their shared parts, which could take forever.
bool container_builder::comparable(const value& key) {
  return value_access::weight(key) <= value::expansion_limit
         || machine_->refuse(
           "expected a key or set item of at most 256 MiB with its shared parts expanded");
}

// Keys that are equal here may be unequal in Python, and the reverse. A second key that might be
// equal is refused, so that no value is lost.
bool container_builder::added_once(std::size_t before, std::size_t after) {
  auto& budget = machine_->budget();
  bool once = !budget.compared().any_twins() && (!refuse_twins_ || after > before);
  if (!once) return machine_->refuse("a dict key or a set item occurs twice");
  return budget.allows_comparisons();
}

} // namespace patio::pickle
