#include <patio/pickle/reader.hpp>

#include <algorithm>

namespace patio::pickle {
namespace {

constexpr std::array<std::string_view, 4> field_names{"func", "args", "kwargs", "timeout"};
constexpr unsigned all_fields = 0b1111;

std::optional<std::size_t> field_position(const value& name) {
  if (!name.is_text()) return {};
  auto at = std::ranges::find(field_names, name.text());
  if (at == field_names.end()) return {};
  return static_cast<std::size_t>(at - field_names.begin());
}

/// The items of a container that nobody else refers to are taken, not copied.
template <class Node, class Item>
std::vector<Item> take_items(const value& container, std::vector<Item> Node::*items) {
  auto& node = *static_cast<Node*>(value_access::get(container));
  if (node.refs.load(std::memory_order_relaxed) == 1) return std::move(node.*items);
  return node.*items;
}

} // namespace

bool reader::new_call() {
  if (call_made_) return refuse("expected one CallRequest, found a second");
  call_made_ = true;
  return push_hidden(stack_item{item_kind::call});
}

bool reader::build_call(const value& state) {
  if (fields_seen_ != 0) return refuse("a CallRequest is filled twice");
  if (state.kind() != kind::dict)
    return refuse("expected a dict of fields, found a " + std::string{type_name(state.kind())});
  for (const auto& [name, field] : state.entries())
    if (auto at = field_position(name)) fields_[*at] = field, fields_seen_ |= 1U << *at;
  return check_fields();
}

// The usual opening leaves the dict of the fields out until something can look at it: it lies below
// the first MARK and in the memo.
void reader::make_state() {
  state_pending_ = false;
  auto state = value_access::adopt(new heap_dict);
  if (auto* entry = memo_.find(memoized_in_call_opening - 1); entry->is(item_kind::call_state))
    *entry = stack_item{state};
  stack_[1] = stack_item{std::move(state)};
}

// SETITEMS, BUILD and STOP in a row end every CallRequest. Then nothing will look at the dict any
// more, and it need not be made. Whatever is unusual takes the general way.
bool reader::ends_call() const {
  constexpr std::size_t first = 2; // above the call and the dict
  if (!state_pending_ || marks_.size() != 1 || stack_.size() != first + 2 * field_names.size()
      || !in_.rest().starts_with("b."))
    return false;
  for (std::size_t i = 0; i < field_names.size(); ++i) {
    const auto &name = stack_[first + 2 * i], &field = stack_[first + 2 * i + 1];
    if (!name.v.is_text() || name.v.text() != field_names[i]) return false;
    if (!field.is(item_kind::data) || field.v.depth() >= value::max_depth) return false;
  }
  return true;
}

bool reader::build_call_from_stack() {
  for (std::size_t i = 0; i < field_names.size(); ++i) fields_[i] = std::move(stack_[2 * i + 3].v);
  fields_seen_ = all_fields;
  state_pending_ = false;
  marks_.clear(), fence_ = 0;
  drop(1);
  start_ = in_.at(); // the BUILD that is done herewith
  in_.skip(1);
  return check_fields();
}

bool reader::check_fields() {
  for (std::size_t i = 0; i < field_names.size(); ++i)
    if ((fields_seen_ & (1U << i)) == 0)
      return refuse("expected a CallRequest's field " + std::string{field_names[i]});
  constexpr std::array wanted{kind::str, kind::tuple, kind::dict};
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (fields_[i].kind() != wanted[i])
      return refuse("expected a " + std::string{type_name(wanted[i])} + " as a CallRequest's "
                    + std::string{field_names[i]} + ", found a "
                    + std::string{type_name(fields_[i].kind())});
  if (std::ranges::any_of(fields_,
                          [this](const value& field) { return field.depth() > limits_.depth; }))
    return refuse_depth();
  for (const auto& [name, argument] : fields_[2].entries())
    if (!name.is_text())
      return refuse("expected the name of a keyword argument, found a "
                    + std::string{type_name(name.kind())});
  return true;
}

result<call_request> reader::take_call() {
  memo_.clear();
  result<call_request> taken;
  taken->function = fields_[0].text();
  taken->args.positional = take_items(fields_[1], &heap_sequence::items);
  taken->timeout = std::move(fields_[3]);
  auto& keywords = taken->args.keywords;
  keywords.reserve(fields_[2].entries().size());
  for (auto& [name, argument] : take_items(fields_[2], &heap_dict::entries))
    keywords.emplace_back(name.text(), std::move(argument));
  return taken;
}

} // namespace patio::pickle
