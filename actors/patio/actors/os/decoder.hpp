/// Decodes large payloads off CAF's I/O thread, where all connections would wait for one: on a
/// thread that begins with the first of them. A resource; ends its thread, behind what that is
/// decoding, when destroyed. No CAF.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include <patio/mesh/connection_id.hpp>
#include <patio/protocol/decode_job.hpp>

namespace patio {

class decoder {
public:
  using job = std::shared_ptr<protocol::decode_job>;
  /// Called on the decoder's thread; may throw std::bad_alloc, and is called again then.
  using on_decoded = std::function<void(const job&)>;

  /// A request that has waited so long is refused instead of decoded.
  explicit decoder(std::chrono::nanoseconds longest_wait);
  ~decoder();
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  /// Answers to our own calls first, and before large payloads the small ones that came not much
  /// later. A connection has one at most. Of those that `tell` was called for and that were not
  /// taken, there are at most two.
  void run(connection_id from, job what, on_decoded tell);
  /// The connection has ended: what of it still waits is not decoded.
  void withdraw(connection_id from);
  /// One that `tell` was called for has been taken.
  void taken() noexcept;
  /// Destroys what is left of a job, which may take as long as decoding it; so the job should have
  /// no other owner.
  void discard(job what);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace patio
