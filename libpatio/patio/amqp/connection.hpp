/// One AMQP 0-9-1 connection, from the client's side: handshake, channels, contents, heartbeats and
/// the end. A state machine without socket and clock: bytes and time come in, and bytes and events
/// come out. One owner uses it from one thread. The owner decides what the channels are for.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <patio/amqp/content.hpp>
#include <patio/amqp/frame.hpp>
#include <patio/amqp/method.hpp>
#include <patio/base/secret.hpp>
#include <patio/base/time.hpp>

namespace patio::amqp {

struct connection_options {
  secret user = "guest";
  secret password = "guest";
  std::string virtual_host = "/";
  std::uint16_t channel_max = 2047;
  std::uint32_t frame_max = 131'072; ///< bytes of a whole frame; the server may ask for less
  /// The server may ask for less. 0 means no heartbeats.
  std::chrono::seconds heartbeat{60};
  /// Silent heartbeat intervals after which the server counts as lost.
  unsigned missed_heartbeats = 2;
  std::size_t body_bytes = std::size_t{16} << 20; ///< larger bodies are dropped as they arrive
  std::string name = {};                          ///< for the server's operator; may be empty
};

// The events. Views in them are valid until the next call of the connection.

/// The handshake is done, and channels can be opened.
struct connection_opened {};

/// The server has sent a method without content on an open channel.
struct method_arrived {
  channel_number channel = 0;
  amqp::method method;
};

/// The server has delivered or returned a message.
struct message_arrived {
  channel_number channel = 0;
  std::variant<basic_deliver, basic_return> method;
  amqp::properties properties;
  std::string_view body;  ///< empty if the body is too large
  std::uint64_t size = 0; ///< of the body
  bool is_too_large = false;
};

/// The server has closed a channel. The other channels are not affected.
struct channel_closed {
  channel_number channel = 0;
  std::uint16_t code = 0;
  std::string text;
  method_id cause = {};
};

/// The server has begun or ceased to refuse published messages, because it is out of memory or disk
/// space.
struct publishing_blocked {
  bool is_blocked = true;
  std::string reason = {};
};

/// The last event. The code is login_refused before connection_opened, and protocol or
/// maybe_executed after it.
struct connection_ended {
  error why;
};

using connection_event = std::variant<connection_opened, method_arrived, message_arrived,
                                      channel_closed, publishing_blocked, connection_ended>;

class connection {
public:
  enum class state : std::uint8_t { start, tune, opening, open, closing, closed };

  /// The first bytes are then in output().
  connection(connection_options options, instant now);

  /// Takes bytes from the server. They must stay valid until next() has returned nothing.
  void feed(std::string_view bytes, instant now);
  /// Returns the next event. Returns nothing if more bytes are needed or the connection has ended.
  [[nodiscard]] std::optional<connection_event> next();
  /// Sends a heartbeat, or ends the connection if the server has been silent for too long.
  void tick(instant now);
  [[nodiscard]] instant next_deadline() const noexcept;
  /// The server's stream has ended. The next event says why.
  void peer_closed();

  /// Returns false if the server does not allow so many channels.
  bool open_channel(channel_number n);
  template <class Method>
  void send(channel_number channel, const Method& m) {
    if (is_usable()) put_method(output_, channel, m);
  }
  void publish(channel_number channel, const basic_publish& m, const properties& p,
               std::string_view body);
  /// Begins to close. The connection ends with the server's answer.
  void close();
  /// Ends the connection without an event. Bytes that have not been taken are dropped.
  void abandon();
  /// Returns the bytes that tell the server of the end, once. No other bytes may be sent then.
  [[nodiscard]] std::string take_farewell() { return std::exchange(farewell_, {}); }

  /// The bytes for the server. The owner takes them with take_output().
  [[nodiscard]] bool has_output() const noexcept { return !output_.empty(); }
  /// Swaps the bytes to send with `out`, which must be empty.
  void take_output(std::string& out, instant now);
  /// The number of bytes that the connection has put out so far, taken or not.
  [[nodiscard]] std::uint64_t position() const noexcept { return taken_ + output_.size(); }
  /// The number of bytes that the owner has taken.
  [[nodiscard]] std::uint64_t taken() const noexcept { return taken_; }

private:
  /// The content that a channel is receiving.
  struct content_in_progress {
    std::string method, header; ///< payloads of the frames
    content_header parsed = {}; ///< views into `header`
    std::string body;
    std::uint64_t received = 0; ///< bytes of the body
    bool has_method = false, has_header = false;
  };
  using event = std::optional<connection_event>;

  [[nodiscard]] bool is_usable() const noexcept {
    return state_ != state::closed && state_ != state::closing;
  }
  event handle(const frame& f);
  event handle_connection_method(const frame& f);
  event handle_close(const connection_close& m);
  event handle_start(const connection_start& m);
  event handle_tune(const connection_tune& m);
  event handle_channel_frame(const frame& f);
  event handle_method(channel_number channel, content_in_progress& content,
                      std::string_view payload);
  event handle_header(channel_number channel, content_in_progress& content,
                      std::string_view payload);
  event handle_body(channel_number channel, content_in_progress& content, std::string_view payload);
  event finish_content(channel_number channel, content_in_progress& content, std::string_view body);
  /// Tells the server the reason and ends.
  event refuse(std::uint16_t code, std::string reason);
  event end(error why);
  [[nodiscard]] errc loss() const noexcept;

  connection_options options_;
  state state_ = state::start;
  frame_reader reader_;
  std::map<channel_number, content_in_progress> channels_;
  std::optional<error> end_;          ///< an end that next() has still to report
  std::chrono::seconds heartbeat_{0}; ///< 0 before the tuning, and if there are none
  instant heard_at_, sent_at_;
  std::string output_;
  std::string farewell_;    ///< the last frame, once the connection has ended
  std::uint64_t taken_ = 0; ///< bytes
};

} // namespace patio::amqp
