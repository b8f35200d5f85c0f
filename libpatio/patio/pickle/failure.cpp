#include <patio/pickle/failure.hpp>

namespace patio::pickle {

bool failure::refuse(std::string_view why) {
  message_ = "byte " + std::to_string(offset_) + ": ";
  message_ += why;
  return false;
}

bool failure::refuse(limit exceeded, std::string_view why) {
  exceeded_ = exceeded;
  return refuse(why);
}

tl::unexpected<error> failure::take() {
  return fail(errc::undecodable, exceeded_, std::move(message_));
}

} // namespace patio::pickle
