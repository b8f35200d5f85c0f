// Reads a pickle, writes its value, and reads and writes that pickle again. The second value and
// the second bytes equal the first.
#include <algorithm>

#include <patio/pickle/plain.hpp>
#include <patio/pickle/writer.hpp>

#include "pickles.hpp"

namespace {

using patio::python_types;
using patio::value;

// The writer sends an exception of a class that is not built-in as a RuntimeError.
bool may_change(const value& v) {
  auto any = [](const auto& all) { return std::any_of(all.begin(), all.end(), may_change); };
  auto any_entry = [](const auto& all) {
    return std::any_of(all.begin(), all.end(),
                       [](const auto& e) { return may_change(e.first) || may_change(e.second); });
  };
  switch (v.kind()) {
  case patio::kind::exception: return true;
  case patio::kind::list:
  case patio::kind::tuple: return any(v.items());
  case patio::kind::dict: return any_entry(v.entries());
  case patio::kind::object: {
    const auto& o = v.as_object();
    return any(o.args) || any(o.items) || any_entry(o.entries) || may_change(o.state);
  }
  default: return false;
  }
}

template <class Thing>
std::string written_by_the_writer(const Thing& thing, const python_types& types) {
  std::string out;
  patio::pickle::writer writer{types, std::string::npos, patio::pickle_protocol::five};
  writer.save(thing);
  require(writer.finish(out).has_value(), "what is plain can be written");
  return out;
}

std::string written(const value& v, const python_types& types) {
  std::string out;
  require(patio::write_pickle(v, out, types).has_value(), "what was read can be written");
  if (std::string plain; patio::pickle::write_plain_value(v, std::string::npos, plain))
    require(plain == written_by_the_writer(v, types), "the plain way writes the writer's bytes");
  return out;
}

void value_round(const value& v, const python_types& types) {
  auto first = written(v, types);
  auto back = patio::read_pickle(first, {}, patio::unknown_class::refuse, types);
  require(back.has_value(), "what was written can be read");
  if (v.weight() <= 1 << 16 && !may_change(v))
    require(identical(*back, v), "a value is what it was after writing and reading");
  require(written(*back, types) == first, "a value is written to the same bytes again");
}

std::string written(const patio::call_request& call, const python_types& types) {
  std::string out;
  require(patio::write_call_request(call, out, types).has_value(),
          "a call that was read can be written");
  if (std::string plain; patio::pickle::write_plain_call(call, std::string::npos, plain))
    require(plain == written_by_the_writer(call, types), "the plain way writes the writer's bytes");
  return out;
}

void call_round(const patio::call_request& call, const python_types& types) {
  auto first = written(call, types);
  auto back = patio::read_call_request(first, {}, types);
  require(back.has_value(), "a call that was written can be read");
  require(back->function == call.function, "a call's function is what it was");
  require(written(*back, types) == first, "a call is written to the same bytes again");
}

bool expands(const patio::call_request& call) {
  std::uint64_t weight = call.timeout.weight();
  for (const auto& v : call.args.positional) weight += v.weight();
  for (const auto& [name, v] : call.args.keywords) weight += v.weight();
  return weight > 1 << 20;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  pickle_reading reading{input.byte()};
  auto bytes = input.rest();
  if (reading.as == pickle_reading::form::call) {
    auto call = patio::read_call_request(bytes, reading.limits, reading.types);
    if (call && !expands(*call)) call_round(*call, reading.types);
  } else {
    auto v = patio::read_pickle(bytes, reading.limits, reading.unknown(), reading.types);
    if (v && is_worth_walking(*v) && v->weight() <= value::expansion_limit)
      value_round(*v, reading.types);
  }
  return 0;
}
