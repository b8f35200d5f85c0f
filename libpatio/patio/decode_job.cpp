#include <patio/decode_job.hpp>

#include <patio/pickle.hpp>
#include <patio/session.hpp>

namespace patio {

void decode_job::run(std::string_view payload) {
  const auto& limits = options_->limits.pickle;
  switch (header_.type) {
  case packet::request: {
    auto& to = decoded_.emplace<request>();
    to.call = read_call_request(payload, limits, options_->types, &to.bytes);
    return;
  }
  case packet::discover_response: decoded_ = read_pickle(payload, limits); return;
  case packet::error: decoded_ = read_pickle(payload, limits, unknown_class::as_exception, options_->types); return;
  default: decoded_ = read_pickle(payload, limits, unknown_class::refuse, options_->types); return;
  }
}

void decode_job::run() noexcept {
  try {
    run(payload_.view());
  } catch (const std::exception&) { // memory has run out
    decoded_ = std::monostate{};
  }
}

} // namespace patio
