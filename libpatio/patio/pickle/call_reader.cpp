#include <patio/pickle/call_reader.hpp>

#include <algorithm>

namespace patio::pickle {

using detail::heap_dict;
using detail::heap_sequence;

namespace {

constexpr std::size_t header_bytes = 11; // PROTO, its version, FRAME, its length

/// Moves the items out of a container that no other value refers to. Copies the items of any other
/// container.
template <class Node, class Item>
std::vector<Item> take_items(const value& container, std::vector<Item> Node::*items) {
  auto& node = *static_cast<Node*>(value_access::get(container));
  if (node.refs.load(std::memory_order_relaxed) == 1) return std::move(node.*items);
  return node.*items;
}

} // namespace

inline bool call_reader::has_usual_opening() const {
  auto bytes = machine_->in().rest();
  return bytes.size() >= header_bytes + call_opening_bytes.size()
         && (bytes.starts_with("\x80\x05\x95") || bytes.starts_with("\x80\x04\x95"))
         && bytes.substr(header_bytes).starts_with(call_opening_bytes);
}

// Near a limit the reader carries out every opcode, because one of the opcodes may exceed the
// limit.
bool call_reader::skip_opening() {
  auto& limits = machine_->budget().limits();
  if (!has_usual_opening() || machine_->in().size() > limits.bytes) return true;
  opcode op{};
  if (!machine_->next_opcode(op) || !machine_->read_protocol()) return false;
  if (!machine_->next_opcode(op) || !machine_->read_frame()) return false;
  if (limits.memo_entries < call_opening_memo_entries
      || !machine_->budget().try_spend(call_opening_nodes, call_opening_lengths))
    return true;
  machine_->in().skip(call_opening_bytes.size());
  auto& memo = machine_->memo();
  memo.put(0, stack_item{item_kind::call_module});
  memo.put(1, stack_item{item_kind::call_class});
  memo.put(2, stack_item{item_tag{item_kind::class_ref, {class_kind::call_request, 0}, 0}});
  memo.put(3, stack_item{item_kind::call});
  memo.put(call_state_memo_index, stack_item{item_kind::call_state});
  auto& stack = machine_->stack();
  stack.push(item_kind::call);
  stack.push(item_kind::call_state);
  stack.mark();
  made_ = true;
  return true;
}

bool call_reader::make() {
  if (made_) return machine_->refuse("expected one CallRequest, found a second");
  made_ = true;
  return machine_->push_hidden(stack_item{item_kind::call});
}

bool call_reader::set_fields(const value& state) {
  if (fields_seen_ != 0) return machine_->refuse("a CallRequest is filled twice");
  if (state.kind() != kind::dict)
    return machine_->refuse("expected a dict of fields, found a "
                            + std::string{type_name(state.kind())});
  for (const auto& [name, field] : state.entries()) {
    if (!name.is_text()) continue;
    auto at = std::ranges::find(field_names, name.text());
    if (at == field_names.end()) continue;
    auto i = static_cast<std::size_t>(at - field_names.begin());
    fields_[i] = field;
    fields_seen_ |= 1U << i;
  }
  return check_fields();
}

// Nearly every CallRequest ends with SETITEMS, BUILD and STOP. Then no later opcode can read the
// dict of the fields, so the machine does not make the dict. With any other ending, the machine
// makes the dict at SETITEMS.
bool call_reader::has_usual_ending() const {
  auto& stack = machine_->stack();
  if (!machine_->in().rest().starts_with("b.")) return false;
  for (std::size_t i = 0; i < field_count; ++i) {
    const auto& name = stack[fields_position + 2 * i].v;
    const auto& field = stack[fields_position + 2 * i + 1];
    if (!name.is_text() || name.text() != field_names[i]) return false;
    if (!field.is(item_kind::data) || field.v.depth() >= value::max_depth) return false;
  }
  return true;
}

bool call_reader::set_fields_from_stack() {
  auto& stack = machine_->stack();
  for (std::size_t i = 0; i < field_count; ++i)
    fields_[i] = std::move(stack[fields_position + 2 * i + 1].v);
  fields_seen_ = (1U << field_count) - 1;
  stack.drop(stack.unmark() - 1); // drops the fields and the dict
  opcode build{};
  return machine_->next_opcode(build) && check_fields();
}

bool call_reader::check_fields() {
  for (std::size_t i = 0; i < field_count; ++i)
    if ((fields_seen_ & (1U << i)) == 0)
      return machine_->refuse("expected a CallRequest's field " + std::string{field_names[i]});
  constexpr std::array wanted{kind::str, kind::tuple, kind::dict};
  for (std::size_t i = 0; i < wanted.size(); ++i)
    if (fields_[i].kind() != wanted[i])
      return machine_->refuse("expected a " + std::string{type_name(wanted[i])}
                              + " as a CallRequest's " + std::string{field_names[i]} + ", found a "
                              + std::string{type_name(fields_[i].kind())});
  auto& budget = machine_->budget();
  for (const auto& field : fields_)
    if (field.depth() > budget.limits().depth) return budget.refuse_depth();
  for (const auto& [name, argument] : fields_[2].entries())
    if (!name.is_text())
      return machine_->refuse("expected the name of a keyword argument, found a "
                              + std::string{type_name(name.kind())});
  return true;
}

result<call_request> call_reader::take() {
  const auto& top = machine_->stack().top();
  if (!top.is(item_kind::call) || fields_seen_ == 0) {
    (void)machine_->refuse(top.is(item_kind::call)
                             ? "a CallRequest without its fields"
                             : "expected a CallRequest, found a " + std::string{type_of(top)});
    return machine_->failure().take();
  }
  // Empties the memo first: take_items() copies the items of a container that the memo refers to.
  machine_->memo().clear();
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
