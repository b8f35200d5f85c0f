#include <patio/actors/broker/caller_table.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/functions/python_error.hpp>

namespace patio {
namespace {

/// Catches exceptions from a user's own conversion: they must not end the broker.
result<caf::message> convert(const waiting_caller& caller, const value& v) noexcept {
  try {
    auto converted = caller.convert(v);
    if (!converted) converted.error() = detail::within("the result", std::move(converted.error()));
    return converted;
  } catch (...) {
    return tl::unexpected(current_exception_error());
  }
}

} // namespace

void deliver(waiting_caller& caller, result<value> r) {
  caller.on_stop.reset();
  if (caller.direct) return caller.direct->answer(std::move(r));
  if (!caller.promise.pending()) return; // the sender does not want an answer
  if (!r) return caller.promise.deliver(to_caf(r.error()));
  if (!caller.convert) return caller.promise.deliver(std::move(*r));
  auto converted = convert(caller, *r);
  if (converted) caller.promise.deliver(std::move(*converted));
  else caller.promise.deliver(to_caf(converted.error()));
}

} // namespace patio
