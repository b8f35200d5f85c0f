/// A TCP connection of a CAF broker. It moves bytes between the socket and the broker's state
/// machine, knows nothing of the protocol, and reports to its owner by return values. Owned by the
/// broker's state; runs on CAF's I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include <caf/io/broker.hpp>

#include <patio/actors/os/socket.hpp>
#include <patio/base/time.hpp>

namespace patio::net {

/// The longest time for which one stream may keep the I/O thread: all others wait meanwhile.
inline constexpr std::chrono::microseconds longest_turn{500};

/// Bounds of the backlog: the bytes that were written and that the kernel has not accepted yet.
struct stream_options {
  std::size_t high_water_bytes;                 ///< a larger backlog is congestion
  std::size_t write_buffer_bytes;               ///< a larger backlog has overflowed
  std::chrono::nanoseconds write_stall_timeout; ///< a backlog that does not shrink has stalled
};

/// The news for the owner when the backlog has grown or shrunk.
struct backlog_change {
  bool congestion_changed = false; ///< see stream::is_congested
  bool overflowed = false;         ///< abort the stream
};

struct write_result {
  std::size_t accepted = 0; ///< bytes: all, unless there was no memory for the rest
  backlog_change backlog = {};
};

/// The owner keeps streams by numbers of its own: a handle is a descriptor, and CAF may give it to
/// the next connection. The owner passes three messages of CAF on:
///   new_data_msg           to received(); then it processes the bytes and calls adapt_read_size()
///   data_transferred_msg   to transferred()
///   connection_closed_msg  to closed()
/// While there is a backlog, the owner asks is_stalled() about once a second. It ends the stream by
/// hang_up() or abort() and may drop it then, as CAF closes the descriptor. Destroying a stream
/// does not end it.
///
/// With TLS, the owner keeps a tls::engine beside the stream:
///   - engine.receive() decrypts the bytes of received() for the state machine;
///   - engine.send() encrypts the output of the state machine, once engine.is_open();
///   - at the beginning and after each of the two, write(engine.output()) and clear that string;
///   - after an error of the engine, write its output, which tells the peer why, and hang up;
///   - before a hang-up, call engine.close() and write its output;
///   - a stream that closes before engine.peer_closed() may have been truncated on the way.
class stream {
public:
  /// Hands a connected socket over to CAF and begins to read.
  stream(caf::io::broker* owner, unique_fd fd, const stream_options& options);
  stream(stream&&) = default;
  stream& operator=(stream&&) = default;

  [[nodiscard]] caf::io::connection_handle handle() const noexcept { return handle_; }
  /// False once CAF has closed the socket. The handle may belong to another stream then.
  [[nodiscard]] bool is_open() const noexcept { return open_; }

  /// Returns the bytes of the message, where they stay. Call this for each message.
  [[nodiscard]] std::string_view received(caf::io::new_data_msg& message);
  /// Makes reads larger if `bytes`, the size of the last read, were processed fast, and smaller if
  /// they were processed slowly.
  void adapt_read_size(std::size_t bytes, std::chrono::nanoseconds processing_time) noexcept;
  /// Stops reading. CAF may still deliver bytes in this round of its loop. A paused stream does not
  /// notice that the peer closes it.
  void pause();
  /// Reads again from the next round of CAF's loop on.
  void resume();

  /// Sends as many bytes as the kernel accepts and leaves the rest to CAF. Only while is_open().
  [[nodiscard]] write_result write(std::string_view bytes);
  [[nodiscard]] backlog_change transferred(const caf::io::data_transferred_msg& message);
  [[nodiscard]] std::size_t backlog_bytes() const noexcept { return backlog_bytes_; }
  /// The peer reads too slowly, so the owner should write less.
  [[nodiscard]] bool is_congested() const noexcept { return congested_; }
  [[nodiscard]] bool is_stalled(instant now) const noexcept;
  /// Bytes that may have reached the peer.
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }

  /// Closes both directions. The peer still gets the bytes that the kernel has accepted; a backlog
  /// is lost.
  void hang_up();
  /// Resets the connection.
  void abort();
  /// Notes that CAF reports the end of the stream. If there is a backlog, the peer may have ended
  /// its own direction only: resets the connection then, because CAF would keep the socket until
  /// the peer has read all of the backlog.
  void closed();

private:
  static constexpr std::size_t smallest_read = 4096, largest_read = 65'536;

  [[nodiscard]] backlog_change set_backlog(std::size_t bytes);

  caf::io::broker* owner_;
  stream_options options_;
  caf::io::connection_handle handle_;
  bool open_ = true;
  bool paused_ = false;
  bool congested_ = false;
  std::uint64_t sent_bytes_ = 0;
  std::size_t backlog_bytes_ = 0; ///< in CAF's write buffer
  instant moved_at_{};            ///< when the backlog was empty or shrank the last time
  /// Follows the traffic: CAF clears a read buffer of this size before every read.
  std::size_t read_size_ = smallest_read;
  std::size_t next_read_size_ = smallest_read;
};

} // namespace patio::net
