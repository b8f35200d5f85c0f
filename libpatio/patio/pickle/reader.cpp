#include <patio/pickle/reader.hpp>

#include <patio/pickle/scalar_run.hpp>

namespace patio::pickle {

using detail::heap_dict;
using detail::heap_sequence;
using detail::heap_set;

namespace {

/// Returns the name of an opcode that the reader refuses, or an empty text for an unknown opcode.
std::string_view name_of(opcode op) {
  switch (op) {
  case opcode::persid: return "PERSID";
  case opcode::binpersid: return "BINPERSID";
  case opcode::ext1: return "EXT1";
  case opcode::ext2: return "EXT2";
  case opcode::ext4: return "EXT4";
  case opcode::inst: return "INST";
  case opcode::obj: return "OBJ";
  case opcode::newobj_ex: return "NEWOBJ_EX";
  case opcode::next_buffer: return "NEXT_BUFFER";
  case opcode::readonly_buffer: return "READONLY_BUFFER";
  default: return {};
  }
}

} // namespace

reader::reader(std::string_view bytes, const pickle_limits& limits, unknown_class unknown,
               const python_types& types)
    : machine_{bytes, limits}, objects_{{machine_, containers_, users_, calls_}, unknown, types} {}

result<value> reader::read_value(shortcuts ways) {
  if (!run(ways)) return objects_.refused();
  auto top = machine_.stack().pop();
  auto& budget = machine_.budget();
  bool is_value = top.is(item_kind::data) || machine_.refuse_hidden(top);
  if (is_value && (top.v.depth() <= budget.limits().depth || budget.refuse_depth()))
    if (objects_.finish(top.v)) return std::move(top.v);
  return machine_.failure().take();
}

result<call_request> reader::read_call(shortcuts ways) {
  if (ways == shortcuts::taken && !calls_.skip_opening()) return machine_.failure().take();
  if (!run(ways)) return machine_.failure().take();
  return calls_.take();
}

// A pickler leaves exactly one value on the stack. Any other pickle is refused.
bool reader::finish() {
  if (!users_.all_complete())
    return machine_.refuse("expected a state for each object that needs one");
  auto max = machine_.budget().limits().trailing_bytes;
  if (auto behind = machine_.in().left(); behind > max)
    return machine_.refuse(limit::pickle_trailing_bytes,
                           std::to_string(behind) + " bytes follow the end of the pickle; at most "
                             + std::to_string(max) + " may");
  const auto& stack = machine_.stack();
  if (stack.marks() == 0 && stack.size() == 1) return true;
  return machine_.refuse("expected one value at the end, found " + std::to_string(stack.size())
                         + (stack.marks() == 0 ? "" : " and an open MARK"));
}

// Handles the opcodes that occur in every call first. The function is inline, because the reader
// calls it for every opcode.
inline bool reader::step(opcode op) {
  auto& m = machine_;
  auto& in = m.in();
  std::size_t first = 0, size = m.stack().size();
  switch (op) {
  case opcode::memoize: return m.put(m.memo().size());
  case opcode::binget: return m.need(1) && m.get(in.little_endian<std::uint8_t>());
  case opcode::mark: return m.mark();
  case opcode::none: return m.push({});
  case opcode::newtrue: return m.push(true);
  case opcode::newfalse: return m.push(false);
  case opcode::binint1: return m.need(1) && m.push(std::int64_t{in.little_endian<std::uint8_t>()});
  case opcode::binint2: return m.need(2) && m.push(std::int64_t{in.little_endian<std::uint16_t>()});
  case opcode::binint:
    return m.need(4) && m.push(static_cast<std::int32_t>(in.little_endian<std::uint32_t>()));
  case opcode::binfloat: return scalars_.binary_float();
  case opcode::short_binunicode: return scalars_.counted_text<std::uint8_t>(kind::str);
  case opcode::short_binbytes: return scalars_.counted_text<std::uint8_t>(kind::bytes);
  case opcode::empty_tuple: return m.push(value_access::adopt(new heap_sequence{kind::tuple}));
  case opcode::empty_list: return m.push(value_access::adopt(new heap_sequence{kind::list}));
  case opcode::empty_dict: return m.push(value_access::adopt(new heap_dict), dict_overhead);
  case opcode::tuple1: return m.have(1) && containers_.make_tuple(size - 1);
  case opcode::tuple2: return m.have(2) && containers_.make_tuple(size - 2);
  case opcode::tuple3: return m.have(3) && containers_.make_tuple(size - 3);
  case opcode::tuple: return m.pop_mark(first) && containers_.make_tuple(first);
  case opcode::append: return m.have(2) && append_items(size - 1);
  case opcode::appends: return m.pop_mark(first) && append_items(first);
  case opcode::setitem: return m.have(3) && set_items(size - 2);
  case opcode::setitems:
    if (calls_.ends_here()) return calls_.set_fields_from_stack();
    return m.pop_mark(first) && set_items(first);
  case opcode::proto: return m.read_protocol();
  case opcode::frame: return m.read_frame();
  default: return step_object(op);
  }
}

bool reader::run(shortcuts ways) {
  auto& in = machine_.in();
  if (auto max = machine_.budget().limits().bytes; in.size() > max)
    return machine_.refuse("expected at most " + std::to_string(max) + " bytes, found "
                           + std::to_string(in.size()));
  for (;;) {
    if (ways == shortcuts::taken) run_scalars(machine_);
    opcode op{};
    if (!machine_.next_opcode(op)) return false;
    if (op == opcode::stop) return finish();
    if (!step(op)) return false;
  }
}

bool reader::step_object(opcode op) {
  auto& m = machine_;
  std::size_t first = 0;
  switch (op) {
  case opcode::stack_global: return objects_.stack_global();
  case opcode::global: return objects_.global_line();
  case opcode::reduce: return objects_.reduce();
  case opcode::newobj: return objects_.newobj();
  case opcode::newobj_ex:
    return objects_.makes_stand_ins() ? objects_.newobj_ex() : refuse_opcode(op);
  case opcode::build: return objects_.build();
  case opcode::binunicode: return scalars_.counted_text<std::uint32_t>(kind::str);
  case opcode::binunicode8: return scalars_.counted_text<std::uint64_t>(kind::str);
  case opcode::binbytes: return scalars_.counted_text<std::uint32_t>(kind::bytes);
  case opcode::binbytes8: return scalars_.counted_text<std::uint64_t>(kind::bytes);
  case opcode::bytearray8: return scalars_.counted_text<std::uint64_t>(kind::bytearray);
  case opcode::long1: return scalars_.binary_integer<std::uint8_t>();
  case opcode::long4: return scalars_.binary_integer<std::uint32_t>();
  case opcode::list: return m.pop_mark(first) && containers_.make_list(first);
  case opcode::dict: return m.pop_mark(first) && containers_.make_dict(first);
  case opcode::frozenset: return m.pop_mark(first) && containers_.make_frozenset(first);
  case opcode::empty_set:
    return m.push(value_access::adopt(new heap_set{kind::set}), dict_overhead);
  case opcode::additems: return m.pop_mark(first) && containers_.add_items(first);
  default: return step_memo(op);
  }
}

bool reader::step_memo(opcode op) {
  auto& m = machine_;
  auto& in = m.in();
  std::uint64_t index = 0;
  std::size_t first = 0;
  switch (op) {
  case opcode::binput: return m.need(1) && m.put(in.little_endian<std::uint8_t>());
  case opcode::long_binput: return m.need(4) && m.put(in.little_endian<std::uint32_t>());
  case opcode::long_binget: return m.need(4) && m.get(in.little_endian<std::uint32_t>());
  case opcode::put: return scalars_.memo_index_line(index) && m.put(index);
  case opcode::get: return scalars_.memo_index_line(index) && m.get(index);
  case opcode::pop: return m.pop();
  case opcode::dup: return m.duplicate();
  case opcode::pop_mark:
    if (!m.pop_mark(first)) return false;
    m.stack().drop(first);
    return true;
  default: return step_line(op);
  }
}

bool reader::step_line(opcode op) {
  switch (op) {
  case opcode::int_text:
  case opcode::long_text: return scalars_.integer_line(op);
  case opcode::float_text: return scalars_.float_line();
  case opcode::string_text: return scalars_.string_line();
  case opcode::unicode_text: return scalars_.unicode_line();
  case opcode::binstring: return scalars_.counted_ascii<std::uint32_t>();
  case opcode::short_binstring: return scalars_.counted_ascii<std::uint8_t>();
  default: return refuse_opcode(op);
  }
}

bool reader::append_items(std::size_t first) {
  if (!objects_.prepare_target(first)) return false;
  if (const auto* object = users_.target_below(first)) return users_.append_items(*object, first);
  return containers_.append_items(first);
}

bool reader::set_items(std::size_t first) {
  if (!objects_.prepare_target(first)) return false;
  if (const auto* object = users_.target_below(first)) return users_.set_items(*object, first);
  return containers_.set_items(first);
}

bool reader::refuse_opcode(opcode op) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto code = static_cast<std::uint8_t>(op);
  std::string found{name_of(op)};
  bool exists = !found.empty();
  if (!exists) found = std::string{"0x"} + digits[code >> 4] + digits[code & 15];
  auto why = "expected an opcode for plain data, found " + found;
  return exists ? machine_.refuse(why) : machine_.failure().refuse_malformed(why);
}

} // namespace patio::pickle
