// What was read is written; read again it is the same, and written again it is the same bytes.
#include <algorithm>

#include "pickles.hpp"

namespace {

using patio::value;

// An exception of a class that is not built-in is sent as another (RuntimeError), so it comes back as that one.
bool may_change(const value& v) {
  auto any = [](const auto& all) { return std::any_of(all.begin(), all.end(), may_change); };
  switch (v.kind()) {
  case patio::kind::exception: return true;
  case patio::kind::list:
  case patio::kind::tuple: return any(v.items());
  case patio::kind::dict:
    return std::any_of(v.entries().begin(), v.entries().end(), [](const auto& e) { return may_change(e.first) || may_change(e.second); });
  default: return false;
  }
}

std::string written(const value& v) {
  std::string out;
  require(patio::write_pickle(v, out).has_value(), "what was read can be written");
  return out;
}

void value_round(const value& v) {
  auto first = written(v);
  auto back = patio::read_pickle(first);
  require(back.has_value(), "what was written can be read");
  if (v.weight() <= 1 << 16 && !may_change(v)) require(identical(*back, v), "a value is what it was after writing and reading");
  require(written(*back) == first, "a value is written to the same bytes again");
}

std::string written(const patio::call_request& call) {
  std::string out;
  require(patio::write_call_request(call, out).has_value(), "a call that was read can be written");
  return out;
}

void call_round(const patio::call_request& call) {
  auto first = written(call);
  auto back = patio::read_call_request(first);
  require(back.has_value(), "a call that was written can be read");
  require(back->function == call.function, "a call's function is what it was");
  require(written(*back) == first, "a call is written to the same bytes again");
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
  pickle_reading how{input.byte()};
  auto bytes = input.rest();
  if (how.as == pickle_reading::form::call) {
    auto call = patio::read_call_request(bytes, how.limits);
    if (call && !expands(*call)) call_round(*call);
  } else {
    auto v = patio::read_pickle(bytes, how.limits, how.unknown());
    if (v && is_worth_walking(*v) && v->weight() <= value::expansion_limit) value_round(*v);
  }
  return 0;
}
