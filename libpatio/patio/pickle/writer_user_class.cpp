#include <patio/pickle/writer.hpp>

#include <algorithm>

#include <patio/value/standard_types.hpp>

namespace patio::pickle {
using detail::find_standard_class;
using detail::has_fresh_argument;
using detail::wrong_object;

// What a peer cannot make would cost it a worker, or the caller its answer.
void writer::save_object(const value& v) {
  const auto& o = v.as_object();
  auto wrong = wrong_object(o);
  if (!types_->find(o.module, o.name)) {
    if (refused_.empty())
      refused_ =
        "the class " + o.module + "." + o.name + " is not among the types that are carried";
    return;
  }
  if (!wrong.empty()) {
    if (refused_.empty())
      refused_ = "expected " + std::string{wrong} + " for a " + o.module + "." + o.name;
    return;
  }
  save_class(o.module, o.name);
  out_.between_values();
  save_object_arguments(o);
  out_.put(o.made_by == construction::call ? opcode::reduce : opcode::newobj);
  memoize(v);
  save_contents(o.items.size(), opcode::append, opcode::appends,
                [&](std::size_t i) { save(o.items[i]); });
  save_contents(o.entries.size(), opcode::setitem, opcode::setitems,
                [&](std::size_t i) { save(o.entries[i].first), save(o.entries[i].second); });
  if (o.state.is_none()) return;
  save(o.state);
  out_.put(opcode::build);
}

void writer::save_object_arguments(const object_parts& o) {
  if (!has_fresh_argument(find_standard_class(o.module, o.name))) return save_arguments(o.args);
  save_fresh(o.args.front());
  for (const auto& arg : std::span{o.args}.subspan(1)) save(arg);
  out_.put(o.args.size() == 1 ? opcode::tuple1 : opcode::tuple2);
  memoize();
}

void writer::save_fresh(const value& v) {
  out_.between_values();
  save_characters(v.kind(), v.kind() == kind::str ? v.text() : v.data());
  memoize();
}

// CPython looks one item ahead to see that a batch has but one.
template <class Save>
void writer::save_contents(std::size_t count, opcode one, opcode many, Save save_part) {
  constexpr std::size_t batch = 1000;
  for (std::size_t first = 0; first < count; first += batch) {
    auto size = std::min(count - first, batch);
    if (size > 1) out_.put(opcode::mark);
    for (std::size_t i = 0; i < size; ++i) save_part(first + i);
    out_.put(size > 1 ? many : one);
  }
}

} // namespace patio::pickle
