// Any bytes as a pickle: refused with a reason, or a value with which everything can be done.
#include <stdexcept>

#include <patio/protocol/extensions.hpp>
#include <patio/python_values.hpp>
#include <patio/value/repr.hpp>

#include "pickles.hpp"

namespace {

using patio::value;

void print(const value& v, bool affordable) {
  auto text = patio::repr(v);
  require(text.has_value() || !affordable || text.error().code == patio::errc::invalid,
          "what cannot be printed is invalid");
  require(text.has_value() || v.weight() > 1'000, "a small value can be printed");
  require(patio::brief(v, 50).size() <= 50 + 3, "a brief text is brief");
  (void)patio::to_str(v);
}

void compare(const value& v) try {
  auto copy = v;
  (void)(v == copy);
  require(identical(v, copy), "a copy is identical");
  if (patio::hashable(v)) require(hash(v) == hash(copy), "a copy has the same hash");
} catch (const std::length_error&) {
  require(v.weight() * 2 > value::expansion_limit,
          "only what expands beyond the limit cannot be compared");
}

void raise(const value& v, const patio::python_types& types) {
  auto e = patio::protocol::from_noted_exception(v);
  (void)to_string(e);
  std::string sent;
  if (auto written = patio::write_pickle(patio::protocol::to_noted_exception(e), sent, types)) {
    auto back = patio::read_pickle(sent, {}, patio::unknown_class::as_exception, types);
    require(back && back->kind() == patio::kind::exception,
            "an error that was received can be passed on");
  }
}

void convert(const value& v) {
  auto name = v.as_object().name;
  require(name != "Decimal" || patio::from_value<patio::decimal>(v),
          "a Decimal that was accepted is one in C++");
  require(name != "UUID" || patio::from_value<patio::uuid>(v),
          "a UUID that was accepted is one in C++");
  require(name != "date" || patio::from_value<std::chrono::year_month_day>(v),
          "a date that was accepted is one in C++");
  // Other ranges are wider in Python.
  (void)patio::from_value<patio::timedelta>(v);
  (void)patio::from_value<std::chrono::sys_time<std::chrono::nanoseconds>>(v);
  (void)patio::from_value<std::chrono::local_time<std::chrono::nanoseconds>>(v);
}

void use(const value& v, const patio::python_types& types) {
  require(v.depth() <= value::max_depth, "a value is at most so deep");
  if (!is_worth_walking(v)) return;
  print(v, v.weight() <= value::expansion_limit);
  compare(v);
  if (v.kind() == patio::kind::exception) raise(v, types);
  if (v.kind() == patio::kind::object) convert(v);
}

void judge(const patio::error& e) {
  require(e.code == patio::errc::undecodable, "bytes are refused as undecodable");
  require(!e.message.empty() && e.message.size() < 1'000,
          "a refusal has a reason, and a short one");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  pickle_reading how{input.byte()};
  auto bytes = input.rest();
  if (how.as == pickle_reading::form::call) {
    auto call = patio::read_call_request(bytes, how.limits, how.types);
    if (!call) return judge(call.error()), 0;
    for (const auto& v : call->args.positional) use(v, how.types);
    for (const auto& [name, v] : call->args.keywords) use(v, how.types);
    use(call->timeout, how.types);
  } else {
    auto v = patio::read_pickle(bytes, how.limits, how.unknown(), how.types);
    v ? use(*v, how.types) : judge(v.error());
  }
  return 0;
}
