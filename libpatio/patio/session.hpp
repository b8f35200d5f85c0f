/// One connection's side of the protocol: bytes and answers go in, bytes and events come out. A resource owned by
/// one node; no socket, no clock, no thread. The states and what each packet does in them: libpatio/README.md.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include <patio/call_request.hpp>
#include <patio/deadline.hpp>
#include <patio/error.hpp>
#include <patio/frame.hpp>
#include <patio/limits.hpp>
#include <patio/serial_table.hpp>

namespace patio {

/// Who dialled; after the login both are equal.
enum class role : std::uint8_t { server, client };

/// What all connections of a node share.
struct session_options {
  std::string key;                ///< at most 32 bytes
  std::vector<std::string> names; ///< functions announced to peers
  patio::limits limits;
};

/// What the owner of a session is told, from within `receive`, `abandon` and `close`. It may answer, request and close from
/// within, but not receive.
class session_events {
public:
  virtual void on_ready() = 0;                                          ///< logged in and discovered, once
  virtual void on_names(std::vector<std::string> names) = 0;            ///< what the peer serves, on every discovery
  virtual void on_request(std::uint32_t serial, call_request call) = 0; ///< answer it once by `session::answer`
  virtual void on_result(std::uint64_t token, result<value> r) = 0;     ///< a request of ours has ended
  virtual void on_pong(std::uint64_t token) = 0;                        ///< a `ping` was answered
  virtual void on_lost_ping(std::uint64_t token, error why) = 0;        ///< a `ping` was not: the connection ends
  virtual void on_log(std::string text) = 0;                            ///< something was refused; the connection lives on
  virtual void on_close(error why) = 0;                                 ///< last; all requests have ended before

protected:
  ~session_events() = default;
};

class session {
public:
  enum class state : std::uint8_t { login, discovery, ready, closed };

  /// `nonce`: `token_size` fresh random bytes for a server, `salt_size` for a client.
  session(role side, std::shared_ptr<const session_options> options, std::string nonce, session_events& events);

  void receive(std::string_view bytes);

  /// Sends a REQUEST in state `ready`. On success the token comes back once, through on_result.
  [[nodiscard]] result<std::uint32_t> request(std::uint64_t token, const call_request& call);
  /// Ends a request early with this result; its answer, if it still comes, is dropped.
  void abandon(std::uint32_t serial, error why);
  /// Exactly one answer for each on_request; for an unknown serial (the connection closed) nothing happens.
  void answer(std::uint32_t serial, const result<value>& r);
  /// Asks again what the peer serves, in state `ready`; Python answers at any time, though behind its busy workers.
  void ping(std::uint64_t token);

  /// Ends the connection. `sent` counts the bytes of `output` that may have reached the socket since the beginning:
  /// a request none of whose bytes are among them was not sent. Without it, all bytes taken may have.
  void close(error why, std::optional<std::uint64_t> sent = {});

  /// Bytes for the peer; the owner takes them all.
  [[nodiscard]] std::string& output() noexcept { return output_; }
  /// To be called whenever the owner has taken `output`.
  void taken(std::size_t bytes) noexcept { taken_ += bytes; }

  [[nodiscard]] enum state state() const noexcept { return state_; }
  [[nodiscard]] std::size_t outbound() const noexcept { return pending_.size(); }
  [[nodiscard]] std::size_t inbound() const noexcept { return inbound_.size(); }
  [[nodiscard]] bool is_pending(std::uint32_t serial) noexcept { return pending_.find(serial) != nullptr; }
  [[nodiscard]] bool is_running(std::uint32_t serial) const {
    return state_ != state::closed && (inbound_.contains(serial) || (current_ == serial && !answered_current_));
  }
  [[nodiscard]] std::uint64_t ignored_answers() const noexcept { return ignored_; }
  /// The owner resets the count of unexpected answers once a minute.
  void forgive() noexcept { unexpected_ = 0; }

private:
  struct pending {
    enum class kind : std::uint8_t { request, ping, discovery } what = kind::request;
    std::uint64_t token = 0;
    std::uint64_t begins_at = 0; ///< offset of its frame in all bytes ever put out
  };

  [[nodiscard]] frame_reader::verdict judge(const frame_header& header);
  [[nodiscard]] std::optional<std::string> unlawful(const frame_header& header) const;
  void refuse_oversize(const frame_header& header, const std::string& text);
  void handle(const frame_reader::frame& f);
  void handle_login(const frame_reader::frame& f);
  void handle_discover_response(const frame_reader::frame& f);
  void handle_request(const frame_reader::frame& f);
  void refuse_request(std::uint32_t serial, const char* exception, const std::string& why);
  void handle_answer(const frame_reader::frame& f);
  void begin_discovery();
  void become_ready_if_discovered();
  [[nodiscard]] std::optional<std::uint64_t> end_of_request(const frame_header& answer);
  void unexpected_answer();
  void lose(const pending& p, const std::string& text);
  void withdraw_requests();
  void put(packet type, std::uint32_t serial, const value& payload);
  void put_raw(packet type, std::uint32_t serial, std::string_view payload);
  void put_error(std::uint32_t serial, const error& why);
  void fail(errc code, std::string text);
  [[nodiscard]] std::uint64_t position() const noexcept { return taken_ + output_.size(); }

  role side_;
  enum state state_ = state::login;
  std::shared_ptr<const session_options> options_;
  session_events& events_;
  std::string challenge_, salt_;
  frame_reader reader_;
  std::string output_;
  std::uint64_t taken_ = 0;
  std::optional<std::uint64_t> sent_;
  serial_table<pending> pending_;
  std::unordered_set<std::uint32_t> inbound_; ///< requests not answered yet, but for `current_`
  std::optional<std::uint32_t> current_;      ///< the request that on_request is being told of
  bool answered_current_ = false, told_names_ = false, heard_names_ = false;
  std::size_t abandoned_ = 0, unexpected_ = 0;
  std::uint64_t ignored_ = 0;
};

} // namespace patio
