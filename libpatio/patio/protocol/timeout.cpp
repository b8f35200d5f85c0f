#include <patio/protocol/timeout.hpp>

#include <cmath>

#include <patio/convert/convert.hpp>

namespace patio {

result<instant> deadline_of(const value& timeout, instant now, std::chrono::nanoseconds longest) {
  if (timeout.is_none()) return never;
  auto refuse = [](const char* type, const std::string& text) {
    return tl::unexpected(remote_error(value::exception(std::string{"builtins."} + type, {text})));
  };
  if (timeout.kind() == kind::integer && !timeout.as_int64())
    return timeout.as_integer().negative() ? now : after(now, longest);
  auto seconds = detail::any_real(timeout);
  if (!seconds)
    return refuse("TypeError", "timeout must be a number of seconds or None, not "
                                 + std::string{type_name(timeout.kind())});
  if (std::isnan(*seconds))
    return refuse("ValueError", "timeout must be a number of seconds, not NaN");
  if (*seconds == HUGE_VAL) return never;
  std::chrono::duration<double> wait{std::max(*seconds, 0.0)};
  return after(now, wait >= longest ? longest : std::chrono::duration_cast<instant>(wait));
}

value seconds_left(instant deadline, instant now) {
  if (deadline == never) return {};
  auto left = std::max(deadline - now, instant::zero());
  auto whole = std::chrono::duration_cast<std::chrono::seconds>(left);
  if (whole == left) return whole.count();
  return std::chrono::duration<double>{left}.count();
}

} // namespace patio
