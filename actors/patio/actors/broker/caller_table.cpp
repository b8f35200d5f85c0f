#include <patio/actors/broker/caller_table.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/functions/python_error.hpp>

namespace patio {
namespace {

/// A user's own conversion may throw, which must not end the broker.
result<caf::message> convert(const waiting_caller& to, const value& v) noexcept {
  try {
    auto converted = to.convert(v);
    if (!converted) converted.error().message.insert(0, "the result ");
    return converted;
  } catch (...) {
    return tl::unexpected(current_exception_error());
  }
}

} // namespace

void deliver(waiting_caller& to, result<value> r) {
  to.on_stop.reset();
  if (to.direct) return to.direct->answer(std::move(r));
  if (!to.promise.pending()) return; // sent without asking for an answer
  if (!r) return to.promise.deliver(to_caf(r.error()));
  if (!to.convert) return to.promise.deliver(std::move(*r));
  auto converted = convert(to, *r);
  if (converted) to.promise.deliver(std::move(*converted));
  else to.promise.deliver(to_caf(converted.error()));
}

} // namespace patio
