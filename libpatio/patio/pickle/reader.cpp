#include <patio/pickle/reader.hpp>

namespace patio::pickle {

reader::reader(std::string_view bytes, const pickle_limits& limits, unknown_class unknown,
               const python_types& types)
    : in_{bytes}, limits_{limits}, unknown_{unknown}, types_{&types} {
  // A short pickle may name a long part again and again: what is made of it stays in proportion to
  // what was sent.
  limits_.nodes = std::min(limits_.nodes, 64 + 4 * bytes.size());
  limits_.memory_bytes =
    std::min(limits_.memory_bytes, (std::size_t{1} << 20) + 128 * bytes.size());
  limits_.compared_bytes =
    std::min<std::uint64_t>(limits_.compared_bytes, (std::uint64_t{1} << 20) + 16 * bytes.size());
  compared_ = comparisons{limits_.compared_bytes};
}

result<value> reader::read_value() {
  if (!run()) return failure();
  auto& top = stack_.back();
  if (top.is(item_kind::data) && top.v.depth() > limits_.depth)
    return (void)refuse_depth(), failure();
  if (top.is(item_kind::data) && top.v.kind() == kind::object
      && unknown_ == unknown_class::as_exception)
    return as_exception(top.v);
  if (top.is(item_kind::data)) return std::move(top.v);
  (void)refuse_hidden(top);
  return failure();
}

result<call_request> reader::read_call(call_opening opening) {
  if (opening == call_opening::recognised && !skip_call_opening()) return failure();
  if (!run()) return failure();
  const auto& top = stack_.back();
  if (top.is(item_kind::call) && fields_seen_ != 0) return take_call();
  (void)refuse(top.is(item_kind::call)
                 ? "a CallRequest without its fields"
                 : "expected a CallRequest, found a " + std::string{type_of(top)});
  return failure();
}

// Leaves the machine as stepping through these opcodes would.
bool reader::skip_call_opening() {
  auto rest = in_.rest();
  constexpr std::size_t header = 11; // PROTO, its version, FRAME, its length
  if (!rest.starts_with("\x80\x05\x95") && !rest.starts_with("\x80\x04\x95")) return true;
  if (rest.substr(std::min(header, rest.size())).substr(0, call_opening_bytes.size())
      != call_opening_bytes)
    return true;
  if (rest.size() > limits_.bytes || limits_.nodes < 7 || limits_.memory_bytes < 1024
      || limits_.memo_entries < 5)
    return true;
  protocol_ = static_cast<unsigned char>(rest[1]);
  in_.skip(2);
  start_ = in_.at();
  in_.skip(1);
  if (!frame()) return false;
  in_.skip(call_opening_bytes.size());
  stack_item call{item_kind::call}, state{item_kind::call_state};
  memo_.put(0, stack_item{item_kind::call_module});
  memo_.put(1, stack_item{item_kind::call_class});
  memo_.put(2, stack_item{item_tag{item_kind::class_ref, {class_kind::call_request, 0}, 0}});
  memo_.put(3, call);
  memo_.put(4, state);
  stack_.push_back(std::move(call));
  stack_.push_back(std::move(state));
  marks_.push_back(fence_ = 2);
  call_made_ = state_pending_ = true;
  nodes_ = 7;
  memory_ = 7 * 64 + 23 + 11 + dict_overhead;
  return true;
}

bool reader::run() {
  if (in_.at() + in_.left() > limits_.bytes)
    return refuse("expected at most " + std::to_string(limits_.bytes) + " bytes, found "
                  + std::to_string(in_.at() + in_.left()));
  for (;;) {
    start_ = in_.at();
    if (in_.left() == 0) return refuse("expected an opcode, found the end");
    auto op = static_cast<opcode>(in_.little_endian<std::uint8_t>());
    if (op == opcode::stop) return finish();
    if (!step(op)) return false;
  }
}

// Legal pickles end with one value on the stack; anything else was put there for some other reader.
bool reader::finish() {
  if (stateless_ > 0) return refuse("expected a state for each object that needs one");
  if (auto behind = in_.rest().size(); behind > limits_.trailing_bytes)
    return refuse(limit::pickle_trailing_bytes,
                  std::to_string(behind) + " bytes follow the end of the pickle; at most "
                    + std::to_string(limits_.trailing_bytes) + " may");
  if (marks_.empty() && stack_.size() == 1) return true;
  return refuse("expected one value at the end, found " + std::to_string(stack_.size())
                + (marks_.empty() ? "" : " and an open MARK"));
}

// What every call has comes first.
bool reader::step(opcode op) {
  std::size_t first = 0;
  switch (op) {
  case opcode::memoize: return put(memo_.size());
  case opcode::binget: return need(1) && get(in_.little_endian<std::uint8_t>());
  case opcode::mark: return mark();
  case opcode::none: return push({});
  case opcode::newtrue: return push(true);
  case opcode::newfalse: return push(false);
  case opcode::binint1: return need(1) && push(in_.little_endian<std::uint8_t>());
  case opcode::binint2: return need(2) && push(in_.little_endian<std::uint16_t>());
  case opcode::binint:
    return need(4) && push(static_cast<std::int32_t>(in_.little_endian<std::uint32_t>()));
  case opcode::binfloat: return binary_float();
  case opcode::short_binunicode: return counted_text<std::uint8_t>(kind::str);
  case opcode::short_binbytes: return counted_text<std::uint8_t>(kind::bytes);
  case opcode::empty_tuple: return push(value_access::adopt(new heap_sequence{kind::tuple}));
  case opcode::empty_list: return push(value_access::adopt(new heap_sequence{kind::list}));
  case opcode::empty_dict: return push(value_access::adopt(new heap_dict), dict_overhead);
  case opcode::tuple1: return have(1) && make_tuple(stack_.size() - 1);
  case opcode::tuple2: return have(2) && make_tuple(stack_.size() - 2);
  case opcode::tuple3: return have(3) && make_tuple(stack_.size() - 3);
  case opcode::tuple: return pop_mark(first) && make_tuple(first);
  case opcode::append: return have(2) && append_from(stack_.size() - 1);
  case opcode::appends: return pop_mark(first) && append_from(first);
  case opcode::setitem: return have(3) && set_items(stack_.size() - 2);
  case opcode::setitems:
    return ends_call() ? build_call_from_stack() : pop_mark(first) && set_items(first);
  case opcode::proto: return protocol();
  case opcode::frame: return frame();
  default: return step_object(op);
  }
}

bool reader::step_object(opcode op) {
  std::size_t first = 0;
  switch (op) {
  case opcode::stack_global: return stack_global();
  case opcode::global: return global_line();
  case opcode::reduce: return reduce();
  case opcode::newobj: return newobj();
  case opcode::build: return build();
  case opcode::binunicode: return counted_text<std::uint32_t>(kind::str);
  case opcode::binunicode8: return counted_text<std::uint64_t>(kind::str);
  case opcode::binbytes: return counted_text<std::uint32_t>(kind::bytes);
  case opcode::binbytes8: return counted_text<std::uint64_t>(kind::bytes);
  case opcode::bytearray8: return counted_text<std::uint64_t>(kind::bytearray);
  case opcode::long1: return binary_integer<std::uint8_t>();
  case opcode::long4: return binary_integer<std::uint32_t>();
  case opcode::list: return pop_mark(first) && make_list(first);
  case opcode::dict: return pop_mark(first) && make_dict(first);
  case opcode::frozenset: return pop_mark(first) && make_frozenset(first);
  case opcode::empty_set: return push(value_access::adopt(new heap_set{kind::set}), dict_overhead);
  case opcode::additems: return pop_mark(first) && add_items(first);
  default: return step_memo(op);
  }
}

bool reader::step_memo(opcode op) {
  std::uint64_t index = 0;
  std::size_t first = 0;
  switch (op) {
  case opcode::binput: return need(1) && put(in_.little_endian<std::uint8_t>());
  case opcode::long_binput: return need(4) && put(in_.little_endian<std::uint32_t>());
  case opcode::long_binget: return need(4) && get(in_.little_endian<std::uint32_t>());
  case opcode::put: return index_line(index) && put(index);
  case opcode::get: return index_line(index) && get(index);
  case opcode::pop: return pop();
  case opcode::dup: return duplicate();
  case opcode::pop_mark:
    if (!pop_mark(first)) return false;
    drop(first);
    return true;
  default: return step_text(op);
  }
}

bool reader::step_text(opcode op) {
  switch (op) {
  case opcode::int_text:
  case opcode::long_text: return integer_line(op);
  case opcode::float_text: return float_line();
  case opcode::string_text: return string_line();
  case opcode::unicode_text: return unicode_line();
  case opcode::binstring: return counted_ascii<std::uint32_t>();
  case opcode::short_binstring: return counted_ascii<std::uint8_t>();
  default: return refuse_opcode(op);
  }
}

} // namespace patio::pickle

namespace patio {

result<value> read_pickle(std::string_view bytes, const pickle_limits& limits,
                          unknown_class unknown, const python_types& types) {
  return pickle::reader{bytes, limits, unknown, types}.read_value();
}

result<call_request> read_call_request(std::string_view bytes, const pickle_limits& limits,
                                       const python_types& types, std::size_t* memory) {
  pickle::reader reader{bytes, limits, unknown_class::refuse, types};
  auto call = reader.read_call();
  if (memory) *memory = reader.memory();
  return call;
}

} // namespace patio
