#include <patio/actors/caf/error.hpp>

#include <caf/exit_reason.hpp>
#include <caf/message.hpp>
#include <caf/sec.hpp>

#include <patio/actors/caf/interfaces.hpp>

namespace patio {
namespace {

constexpr auto category = caf::atom("patio");

error from_system_error(const caf::error& e) {
  auto text = caf::to_string(e);
  if (e == caf::sec::request_timeout) return {errc::timeout, std::move(text), {}};
  if (e == caf::sec::unexpected_message || e == caf::sec::unexpected_response)
    return {errc::undecodable, std::move(text), {}};
  return {errc::shut_down, std::move(text), {}};
}

} // namespace

caf::error to_caf(const error& e) {
  return {static_cast<std::uint8_t>(e.code), category,
          caf::make_message(text_of(e), e.exception, static_cast<std::uint8_t>(e.remedy))};
}

error from_caf(const caf::error& e) {
  if (e.category() == category && e.context().match_elements<std::string, value, std::uint8_t>()) {
    error own{static_cast<errc>(e.code()), e.context().get_as<std::string>(0),
              e.context().get_as<value>(1)};
    own.remedy = static_cast<remedy>(e.context().get_as<std::uint8_t>(2));
    return own;
  }
  if (e.category() == caf::atom("system") || e.category() == caf::atom("exit"))
    return from_system_error(e);
  // An actor's own error reaches the caller as an exception that the function raised.
  return remote_error(value::exception("builtins.RuntimeError", {caf::to_string(e)}));
}

} // namespace patio
