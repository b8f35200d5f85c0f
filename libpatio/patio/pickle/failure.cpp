#include <patio/pickle/failure.hpp>

namespace patio::pickle {

bool failure::refuse(std::string_view why) {
  message_ = "byte " + std::to_string(offset_) + ": ";
  message_ += why;
  return false;
}

void failure::tolerate(std::string_view why) {
  if (!tolerated_.empty()) return;
  tolerated_ = "byte " + std::to_string(offset_) + ": ";
  tolerated_ += why;
}

bool failure::refuse_tolerated() {
  if (tolerated_.empty()) return true;
  message_ = tolerated_;
  return false;
}

bool failure::refuse_malformed(std::string_view why) {
  malformed_ = true;
  return refuse(why);
}

bool failure::refuse(limit exceeded, std::string_view why) {
  exceeded_ = exceeded;
  return refuse(why);
}

tl::unexpected<error> failure::take() {
  return fail(errc::undecodable, exceeded_, std::move(message_));
}

} // namespace patio::pickle
