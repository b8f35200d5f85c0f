/// Drives a mesh::node with sockets and time: passes received bytes to the node, shares the thread
/// fairly among the connections, writes the node's output, and ticks. A tcp_broker_state owns the
/// driver. The driver runs on CAF's I/O thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <caf/io/broker.hpp>

#include <patio/actors/broker/broker_messages.hpp>
#include <patio/actors/broker/peer_log.hpp>
#include <patio/actors/broker/socket_table.hpp>
#include <patio/actors/broker/turn_queue.hpp>
#include <patio/actors/caf/contain.hpp>
#include <patio/actors/caf/ticker.hpp>
#include <patio/actors/os/decoder.hpp>
#include <patio/mesh/node.hpp>

namespace patio {

/// A size in bytes. The driver frees a larger buffer instead of using the buffer again.
inline constexpr std::size_t kept_capacity = 262'144;

using turn_atom = caf::atom_constant<caf::atom("turn")>;
using decoded_atom = caf::atom_constant<caf::atom("decoded")>;

class node_driver {
public:
  /// Handles an event of the node, after the node's function that caused the event has returned.
  using event_handler = std::function<void(mesh::node_event&)>;

  /// What the owner does with the work that it has gathered from several events. Called before
  /// output is written.
  using hand_over_function = std::function<void()>;

  node_driver(caf::io::broker* self, mesh::node_options options, registry functions,
              event_handler handle, hand_over_function hand_over, peer_log& log);

  [[nodiscard]] mesh::node& node() noexcept { return node_; }
  /// Returns the queue of deferred work. A job in the queue must not throw.
  [[nodiscard]] turn_queue& turns() noexcept { return turns_; }

  /// Runs the handler of a message, then handles the node's events. If the handler throws, for
  /// example out of memory, closes the connection `about`. If there is no such connection, logs the
  /// exception. The broker lives on in both cases.
  template <class F>
  void guarded(connection_id about, F handler) noexcept {
    contain(about, std::move(handler));
    handle_events();
  }
  /// Passes the node's events to the handler. Call this after each call of a node function, unless
  /// `guarded`, `flush` or `schedule_flush` follows, which do the same.
  void handle_events() noexcept;
  /// True while the driver handles events that were there before it began. A receiver of their
  /// answers may call the node. A call that ends at once causes a further event, whose receiver
  /// must send a message. Otherwise a receiver that calls again and again would keep the thread.
  [[nodiscard]] bool takes_direct_calls() const noexcept { return buffers_.is_first_round; }

  /// Begins a connection over a connected socket. `dial` is 0 for an accepted connection.
  void open(unique_fd fd, role side, std::string address, std::unique_ptr<tls::engine> tls,
            std::uint64_t dial);
  /// Ends the socket of a connection that the node has ended: sends the last bytes and hangs up.
  /// Returns nothing if the connection has already ended.
  [[nodiscard]] std::optional<peer_socket> end(connection_id id, std::string_view last_bytes);
  /// Returns null for a connection that has ended.
  [[nodiscard]] peer_socket* find(connection_id id) { return sockets_.find(id); }
  /// Decodes a large payload on another thread. Pauses reading from the connection meanwhile.
  void decode(connection_id id, std::unique_ptr<protocol::decode_job> job);

  /// Returns 0 for a handle that no longer belongs to a connection.
  [[nodiscard]] connection_id id_of(caf::io::connection_handle handle) const noexcept {
    return sockets_.id_of(handle);
  }
  // Handlers of messages from CAF and from the decoder.
  void on_data(connection_id id, caf::io::new_data_msg& msg);
  void on_transferred(connection_id id, const caf::io::data_transferred_msg& msg);
  void on_socket_closed(connection_id id);
  void on_decoded(connection_id id, decoder::job job);

  /// Writes the node's output and asks for the next tick.
  void flush();
  /// Flushes once for all messages that are in the mailbox now. Call this after each node function
  /// that is called on behalf of an actor.
  void schedule_flush();
  void tick(std::int64_t number);

  /// Starts the drain. Quits the actor once all calls have ended, or at `until`.
  void begin_drain(instant until);
  [[nodiscard]] bool is_draining() const noexcept { return drain_.begun; }

private:
  struct pending_writes {
    /// Sends a message that flushes, for output that arises outside a flush, or behind its writes.
    void ask_for_flush(caf::io::broker* self);
    bool flush_scheduled = false;
    std::size_t calls = 0; ///< since the last write
    std::size_t burst = 0; ///< calls after which the output is written at once
  };
  /// Buffers that are swapped with the node's, so that they are not allocated again and again.
  struct reused_buffers {
    std::vector<mesh::node_event> events;
    std::vector<connection_id> dirty;
    std::string output;
    std::string unread; ///< memory for peer_socket::unread
    bool is_handling_events = false;
    bool is_first_round = false; ///< of the events
  };
  struct drain_state {
    bool begun = false, ended = false;
    instant until = never;
  };

  /// If the handler throws, closes the connection `about`.
  template <class F>
  void contain(connection_id about, F handler) noexcept {
    patio::contain(std::move(handler), [&](const char* why) noexcept { give_up(about, why); });
  }
  void give_up(connection_id about, const char* why) noexcept;
  void process(connection_id id, std::string_view bytes);
  void process_deferred(connection_id id);
  void defer(connection_id id, peer_socket& c, std::string_view unread);
  void resume_reading(connection_id id);
  void write_dirty();
  void write(connection_id id, peer_socket& c);
  void apply(connection_id id, const peer_socket& c, const net::backlog_change& change);
  void quit_if_drained();

  caf::io::broker* self_;
  patio::limits limits_;
  mesh::node node_;
  event_handler handle_;
  hand_over_function hand_over_;
  peer_log& log_;
  socket_table sockets_;
  turn_queue turns_;
  pending_writes pending_;
  reused_buffers buffers_;
  drain_state drain_;
  ticker ticks_;
  decoder decoder_; ///< last: its thread ends before the other members
};

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::decoder::job)
