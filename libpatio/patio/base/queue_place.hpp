/// The place of one request in an executor's queue. The executor reports when the request leaves
/// the queue, because the callee grants its callers as much credit as the queue is short of work.
/// Any thread may report. Only the first report counts.
#pragma once

#include <patio/base/time.hpp>

namespace patio {

class queue_place {
public:
  queue_place() = default;
  queue_place(const queue_place&) = delete;
  queue_place& operator=(const queue_place&) = delete;
  virtual ~queue_place() = default;

  /// The function begins.
  virtual void begin(instant now) noexcept = 0;
  /// The request leaves the queue without having begun: it has ended, or it waits for something
  /// else than a worker.
  virtual void leave() noexcept = 0;
};

} // namespace patio
