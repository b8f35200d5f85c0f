/// The callers that wait until a broker has logged in at a Redis or RabbitMQ server.
#pragma once

#include <optional>
#include <vector>

#include <caf/response_promise.hpp>

#include <patio/value/error.hpp>

namespace patio {

/// The callers of patio::ready and patio::connected.
class ready_waiters {
public:
  /// A waiter that does not wait through failures gets the last failure, if nobody has been told.
  void add(bool until_connected, caf::response_promise promise);
  /// Answers all waiters, or those only that do not wait through failures.
  void answer(const result<void>& outcome, bool only_impatient);

private:
  struct waiter {
    caf::response_promise promise;
    bool until_connected;
  };
  std::vector<waiter> all_;
  std::optional<error> failure_; ///< of the last login, while nobody has been told
};

} // namespace patio
