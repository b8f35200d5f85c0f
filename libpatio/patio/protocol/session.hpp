/// One connection's side of the protocol: bytes and answers go in, bytes and events come out. A
/// resource owned by one node; no socket, no clock, no thread. libpatio/README.md says what each
/// packet does in each state.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <patio/protocol/decode_job.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/frame.hpp>
#include <patio/protocol/frame_output.hpp>
#include <patio/protocol/inbound_requests.hpp>
#include <patio/protocol/login_exchange.hpp>
#include <patio/protocol/outbound_requests.hpp>
#include <patio/protocol/session_event.hpp>
#include <patio/protocol/session_options.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

/// Which DISCOVER_RESPONSEs have gone by: ours has told the peer our names, the peer's has been
/// heard.
enum class discovery : std::uint8_t { none, told, heard, both };
/// How far our going away has got. `agreed`: the peer sends no more requests, or cannot be told.
enum class goodbye : std::uint8_t { none, asked, agreed };

struct session_status {
  protocol::discovery discovery = discovery::none;
  protocol::goodbye goodbye = goodbye::none;
  bool is_probing = false;     ///< a `probe` waits for its answer
  bool is_decoding = false;    ///< a payload_to_decode has not come back: better let the peer wait
  bool peer_went_away = false; ///< the peer takes no more requests
  extensions agreed;           ///< announced by both sides
};

class session {
public:
  enum class state : std::uint8_t { login, discovery, ready, closed };

  /// `nonce`: see login_exchange.
  session(role side, std::shared_ptr<const session_options> options, std::string nonce);

  /// Gives the session bytes, in any cut. They must live until `next` has returned false.
  void feed(std::string_view bytes) { reader_.feed(bytes); }
  /// Handles the next whole frame. False if there is none, or if the connection has ended. The
  /// owner handles the events after each call, also after the one that returns false.
  [[nodiscard]] bool next();
  /// Takes a payload_to_decode's job back. What the session refuses stays in the job, as it may
  /// take long to destroy. Then call `next` until it returns false.
  void decoded(decode_job& job);

  /// Sends a REQUEST in state `ready`. On success the token comes back once, in a request_ended, or
  /// in a session_closed.
  [[nodiscard]] result<std::uint32_t> request(std::uint64_t token, const call_request& call);
  /// Ends a request without its answer, which is dropped should it still come. `is_cancelled`: the
  /// peer is told that the caller gave the call up, if the peer can be told. False if the request
  /// has ended.
  bool abandon(std::uint32_t serial, bool is_cancelled);
  /// Answers a request_arrived, once. Nothing happens if the request has been answered, or its
  /// connection has closed.
  void answer(request_id id, const result<value>& r);
  /// The same with a result that `write_pickle` has written elsewhere, with the options' types and
  /// frame limit, or has failed to write.
  void answer_pickled(request_id id, const result<std::string>& r);

  /// Asks the peer what it serves, in state `ready`. A Python peer answers at any time, though
  /// behind its busy workers.
  void ping(std::uint64_t token);
  /// The same without a token: the answer comes as names_served only. Nothing while one is
  /// unanswered.
  void probe();
  /// Tells the peer, if it can be told, to send no more requests.
  void go_away();
  /// Ends the connection. `sent` counts the bytes of `output` that may have reached the socket
  /// since the beginning: a request none of whose bytes are among them was not sent. Without
  /// `sent`, all bytes taken may have reached the socket.
  void close(error why, std::optional<std::uint64_t> sent = {});

  [[nodiscard]] event_queue& events() noexcept { return events_; }
  [[nodiscard]] frame_output& output() noexcept { return output_; }
  [[nodiscard]] login_exchange& login() noexcept { return login_; }
  [[nodiscard]] inbound_requests& inbound() noexcept { return inbound_; }
  [[nodiscard]] outbound_requests& outbound() noexcept { return outbound_; }
  [[nodiscard]] const session_status& status() const noexcept { return status_; }
  [[nodiscard]] enum state state() const noexcept { return state_; }
  [[nodiscard]] bool is_within_frame() const noexcept { return reader_.is_within_frame(); }

private:
  [[nodiscard]] frame_reader::verdict judge(const frame_header& header);
  void refuse_oversize(const frame_header& header, error why);
  void handle(const frame_reader::frame& f);
  void handle_control(const frame_reader::frame& f);
  void advance_discovery(discovery half);
  void handle_decoded(decode_job& job);
  void handle_request(const frame_header& header, decode_job::request& r);
  void handle_answer(const frame_header& header, result<value>& payload);
  void handle_names(const frame_header& header, decode_job::served_names& served);
  [[nodiscard]] std::optional<std::uint64_t> end_of_request(const frame_header& answer);

  std::shared_ptr<const session_options> options_;
  enum state state_ = state::login;
  session_status status_;
  login_exchange login_;
  std::string callable_names_; ///< pickled, if the options' are not what this peer is told
  frame_reader reader_;
  frame_output output_;
  outbound_requests outbound_;
  inbound_requests inbound_;
  event_queue events_;
};

/// Whether nothing is lost if the connection is closed now, the peer's requests on their way
/// included, where one can know.
[[nodiscard]] bool is_drained(session& s) noexcept;

} // namespace patio::protocol
