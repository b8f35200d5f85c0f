/// A TCP connection of a CAF broker. It moves bytes between the socket and the broker's state
/// machine, independent of the protocol, and reports to its owner by return values. The broker's
/// state owns the stream. A stream runs on CAF's I/O thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include <caf/io/broker.hpp>

#include <patio/actors/os/socket.hpp>
#include <patio/base/time.hpp>

namespace patio::net {

/// The longest time for which one stream may keep the I/O thread, because all other streams wait
/// meanwhile.
inline constexpr std::chrono::microseconds longest_turn{500};

/// Limits of the backlog, that is, of the written bytes that the kernel has not accepted yet.
struct stream_options {
  std::size_t high_water_bytes;                 ///< a larger backlog is congestion
  std::size_t write_buffer_bytes;               ///< a larger backlog has overflowed
  std::chrono::nanoseconds write_stall_timeout; ///< a backlog that does not shrink has stalled
};

/// The consequences of a change of the backlog, for the owner.
struct backlog_change {
  bool congestion_changed = false; ///< see stream::is_congested
  bool overflowed = false;         ///< abort the stream
};

struct write_result {
  /// Number of bytes accepted. Fewer than were passed only if memory ran out.
  std::size_t accepted = 0;
  backlog_change backlog = {};
};

/// The owner identifies streams by its own numbers. A CAF handle is a descriptor, and the next
/// connection may get the same descriptor. The owner passes on three messages of CAF:
///   new_data_msg           to received(); then it processes the bytes and calls adapt_read_size()
///   data_transferred_msg   to transferred()
///   connection_closed_msg  to closed()
/// While there is a backlog, the owner calls is_stalled() about once a second. The owner ends the
/// stream by hang_up() or abort(). It may then destroy the stream, because CAF closes the
/// descriptor. Destroying a stream does not end the connection.
///
/// A stream does not encrypt. A broker with TLS needs a tls::engine for each stream. tcp_broker has
/// the engine in its mesh::connection, which does these steps:
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
  /// False once CAF has closed the socket. From then on the handle may belong to another stream.
  [[nodiscard]] bool is_open() const noexcept { return open_; }

  /// Returns a view of the message's bytes. Call this for each message.
  [[nodiscard]] std::string_view received(caf::io::new_data_msg& message);
  /// Makes reads larger if the last read filled its buffer and was processed fast. Makes reads
  /// smaller if the last read was small or was processed slowly. `bytes` is the size of that read.
  void adapt_read_size(std::size_t bytes, std::chrono::nanoseconds processing_time) noexcept;
  /// Stops reading. CAF may still deliver bytes in this round of its loop. A paused stream does not
  /// notice that the peer closes it. Do not pause a stream in the round in which it was made: CAF
  /// would never read from it again.
  void pause();
  /// Resumes reading in the next round of CAF's loop.
  void resume();

  /// Sends as many bytes as the kernel accepts and leaves the rest to CAF. Call this only while
  /// is_open().
  [[nodiscard]] write_result write(std::string_view bytes);
  [[nodiscard]] backlog_change transferred(const caf::io::data_transferred_msg& message);
  [[nodiscard]] std::size_t backlog_bytes() const noexcept { return backlog_bytes_; }
  /// True if the peer reads too slowly, so that the owner should write less.
  [[nodiscard]] bool is_congested() const noexcept { return congested_; }
  [[nodiscard]] bool is_stalled(instant now) const noexcept;
  /// Returns the number of bytes that may have reached the peer.
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }

  /// Closes both directions. The peer still gets the bytes that the kernel has accepted; a backlog
  /// is lost.
  void hang_up();
  /// Resets the connection.
  void abort();
  /// Handles CAF's report that the peer's stream has ended. If there is a backlog, resets the
  /// connection: the peer may have closed only its own direction, and CAF would keep the socket
  /// open until the peer has read the whole backlog.
  void closed();

private:
  static constexpr std::size_t smallest_read = 4096, largest_read = 65'536;

  [[nodiscard]] backlog_change set_backlog(std::size_t bytes);

  caf::io::broker* owner_;
  stream_options options_;
  caf::io::connection_handle handle_;
  bool open_ = true;
  /// Shared with the function that resumes reading in the next round.
  std::shared_ptr<bool> paused_ = std::make_shared<bool>(false);
  bool congested_ = false;
  std::uint64_t sent_bytes_ = 0;
  std::size_t backlog_bytes_ = 0; ///< in CAF's write buffer
  instant moved_at_{};            ///< last time when the backlog was empty or shrank
  /// Adapts to the traffic, because CAF zeroes a read buffer of this size before every read.
  std::size_t read_size_ = smallest_read;
  std::size_t next_read_size_ = smallest_read;
};

} // namespace patio::net
