/// Decodes large payloads outside CAF's I/O thread, where one payload would delay all connections.
/// Its own thread starts with the first payload. A resource: its destructor waits for the payload
/// that is being decoded and joins the thread. The functions may be called on any thread.
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
  /// Runs on the decoder's thread. If it throws std::bad_alloc, it is called again.
  using on_decoded = std::function<void(const job&)>;

  /// A request that has waited for `longest_wait` is refused instead of decoded.
  explicit decoder(std::chrono::nanoseconds longest_wait);
  ~decoder();
  decoder(const decoder&) = delete;
  decoder& operator=(const decoder&) = delete;

  /// Decodes the payload of `work` and then calls `tell`. Answers to this node's calls come first.
  /// Small payloads come before large ones that arrived a little earlier. A connection has at most
  /// one job here.
  ///
  /// At most two jobs are begun and not yet taken(): the others wait.
  void run(connection_id connection, job work, on_decoded tell);
  /// Drops the job of a connection that has ended, if its decoding has not begun.
  void withdraw(connection_id connection);
  /// The owner has taken over the result of a job that `tell` was called for.
  void taken() noexcept;
  /// Destroys the job on the decoder's thread, because that may take as long as decoding it. The
  /// caller should hold no other reference to the job.
  void discard(job rest);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace patio
