/// A TCP connection of a CAF broker: moves bytes between the socket and the broker's state machine,
/// and knows nothing of the protocol. Owned by the broker's state, which passes CAF's messages on;
/// runs on CAF's I/O thread. What concerns the owner comes back as return values.
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

/// How long one stream may keep the I/O thread, while all others wait.
inline constexpr std::chrono::microseconds longest_turn{500};

/// Bounds of the backlog: the bytes that were written and that the kernel has not accepted yet.
struct stream_options {
  std::size_t high_water_bytes;                 ///< above it the stream is congested
  std::size_t write_buffer_bytes;               ///< above it the backlog has overflowed
  std::chrono::nanoseconds write_stall_timeout; ///< a backlog that does not shrink has stalled
};

/// What the owner has to know of a change of the backlog.
struct backlog_change {
  bool congestion_changed = false; ///< see stream::is_congested
  bool overflowed = false;         ///< abort the stream
};

struct write_result {
  std::size_t accepted = 0; ///< bytes; the rest found no memory
  backlog_change backlog = {};
};

/// The owner keeps streams by numbers of its own: a handle is a descriptor, and CAF may give it to
/// the next connection. It passes on three messages of CAF:
///   new_data_msg          to received(): the bytes to process, then adapt_read_size()
///   data_transferred_msg  to transferred(): the backlog shrank
///   connection_closed_msg to closed(): there is nothing more to read, and nobody to write to
/// It asks is_stalled() about once a second while there is a backlog. The stream ends by hang_up()
/// or abort(). The owner may drop it then: CAF closes the descriptor. Destroying a stream does not
/// end it.
///
/// With TLS, the owner keeps a tls::engine beside the stream. What received() returns goes into
/// engine.receive(), whose plain bytes are for the state machine. What the state machine puts out
/// goes into engine.send() once engine.is_open(). After each of the two, write(engine.output()) and
/// clear that string. After an error of the engine, write its output, then hang up. A stream that
/// closes before engine.peer_closed() may have been truncated on the way. Call engine.close()
/// before the last write.
class stream {
public:
  /// Hands a connected socket over to CAF, which begins to read. Fewer bytes are asked for at first
  /// than from a busy stream.
  stream(caf::io::broker* owner, unique_fd fd, const stream_options& options);
  stream(stream&&) = default;
  stream& operator=(stream&&) = default;

  [[nodiscard]] caf::io::connection_handle handle() const noexcept { return handle_; }
  /// CAF has the socket; later the handle may be another stream's.
  [[nodiscard]] bool is_open() const noexcept { return open_; }

  /// The bytes that came, which stay in the message. To be called for each message.
  [[nodiscard]] std::string_view received(caf::io::new_data_msg& message);
  /// Reads more at once from a stream whose bytes are processed fast, less from a slow one.
  /// `bytes` is what received() returned.
  void adapt_read_size(std::size_t bytes, std::chrono::nanoseconds processing_time) noexcept;
  /// Stops reading. What CAF has already read may still come. A paused stream does not see that the
  /// peer closes it.
  void pause();
  /// Reads on from the next round of CAF's loop.
  void resume();

  /// Sends at once what the kernel takes, and leaves the rest to CAF. Only while is_open().
  [[nodiscard]] write_result write(std::string_view bytes);
  [[nodiscard]] backlog_change transferred(const caf::io::data_transferred_msg& message);
  [[nodiscard]] std::size_t backlog_bytes() const noexcept { return backlog_bytes_; }
  /// The peer reads too slowly: make the source of the bytes wait.
  [[nodiscard]] bool is_congested() const noexcept { return congested_; }
  [[nodiscard]] bool is_stalled(instant now) const noexcept;
  /// Bytes that may have reached the peer.
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }

  /// Ends both directions once the kernel has sent what it accepted; a backlog is lost.
  void hang_up();
  /// Resets the connection: nothing waits for the peer.
  void abort();
  /// CAF reports the end of the stream. Resets a connection whose peer has ended its direction only
  /// and still has a backlog to read: CAF would keep the socket until the peer has read all of it.
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
  /// CAF clears its read buffer for every read while the other streams wait, so the size follows
  /// the traffic.
  std::size_t read_size_ = smallest_read;
  std::size_t next_read_size_ = smallest_read;
};

} // namespace patio::net
