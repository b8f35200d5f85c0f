// Reads any bytes as a pickle. The pickle is refused with a reason, or every operation on its value
// works. Calls and values read the same with and without the fast path and the shortcuts.
#include <algorithm>
#include <stdexcept>

#include <patio/pickle/plain.hpp>
#include <patio/pickle/reader.hpp>
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
  // Python's other types have a wider range, so these may fail.
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

bool same(const value& a, const value& b) {
  return a.weight() > 1 << 16 ? a.weight() == b.weight() : identical(a, b);
}

bool same(const patio::call_request& a, const patio::call_request& b) {
  auto same_value = [](const value& x, const value& y) { return same(x, y); };
  auto same_keyword = [](const auto& x, const auto& y) {
    return x.first == y.first && same(x.second, y.second);
  };
  return a.function == b.function && same(a.timeout, b.timeout)
         && std::ranges::equal(a.args.positional, b.args.positional, same_value)
         && std::ranges::equal(a.args.keywords, b.args.keywords, same_keyword);
}

void read_call(std::string_view bytes, const pickle_reading& reading) {
  std::size_t memory = 0;
  auto call = patio::read_call_request(bytes, reading.limits, reading.types, &memory);
  patio::pickle::reader stepping{bytes, reading.limits, patio::unknown_class::refuse,
                                 reading.types};
  auto stepped = stepping.read_call(patio::pickle::shortcuts::stepped_through);
  require(call.has_value() == stepped.has_value(),
          "the fast path accepts what the machine accepts");
  if (!call) {
    require(call.error() == stepped.error(), "the fast path refuses as the machine does");
    return judge(call.error());
  }
  require(same(*call, *stepped), "the fast path reads the call that the machine reads");
  require(memory == stepping.memory(), "the fast path costs what the machine costs");
  for (const auto& v : call->args.positional) use(v, reading.types);
  for (const auto& [name, v] : call->args.keywords) use(v, reading.types);
  use(call->timeout, reading.types);
}

void read_value(std::string_view bytes, const pickle_reading& reading) {
  auto v = patio::read_pickle(bytes, reading.limits, reading.unknown(), reading.types);
  if (value plain; patio::pickle::read_plain_value(bytes, reading.limits, plain)) {
    patio::pickle::reader reader{bytes, reading.limits, reading.unknown(), reading.types};
    auto stepped = reader.read_value();
    require(stepped && identical(*stepped, plain), "the plain way reads what the machine reads");
  }
  patio::pickle::reader stepping{bytes, reading.limits, reading.unknown(), reading.types};
  auto stepped = stepping.read_value(patio::pickle::shortcuts::stepped_through);
  require(v.has_value() == stepped.has_value(), "the shortcuts accept what the machine accepts");
  if (!v) {
    require(v.error().message == stepped.error().message
              && v.error().exceeded == stepped.error().exceeded,
            "the shortcuts refuse as the machine does");
    return judge(v.error());
  }
  require(same(*v, *stepped), "the shortcuts read the value that the machine reads");
  use(*v, reading.types);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  pickle_reading reading{input.byte()};
  if (reading.as == pickle_reading::form::call) read_call(input.rest(), reading);
  else read_value(input.rest(), reading);
  return 0;
}
