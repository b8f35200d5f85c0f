/// Decodes large payloads on a thread of its own, because a large payload on CAF's I/O thread would
/// delay all connections. The thread starts with the first payload. The destructor waits for the
/// payload that is being decoded, and joins the thread. Any thread may call the functions.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include <patio/mesh/connection_id.hpp>
#include <patio/protocol/decode_job.hpp>

namespace patio {

/// A size in bytes. Another thread decodes or pickles a larger payload, because that may take more
/// than half a millisecond.
inline constexpr std::size_t large_payload = 32'768;

class decoder {
public:
  using job = std::shared_ptr<protocol::decode_job>;
  /// A callback that runs on the decoder's thread. If it throws std::bad_alloc, it is called again.
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
  /// A job begins only while fewer than two jobs have begun without being taken().
  void run(connection_id connection, job work, on_decoded tell);
  /// Drops the job of a connection that has ended, if its decoding has not begun.
  void withdraw(connection_id connection);
  /// Tells the decoder that the owner has taken over the result of a decoded job.
  void taken() noexcept;
  /// Destroys the job on the decoder's thread, because that may take as long as decoding it. The
  /// caller should hold no other reference to the job.
  void discard(job rest);

private:
  struct state;
  std::unique_ptr<state> state_;
};

} // namespace patio
