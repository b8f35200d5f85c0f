/// Runs the protocol for one side of a connection. Bytes and answers go in; bytes and events come
/// out. One node owns the session. The session has no socket, no clock and no thread.
/// libpatio/README.md describes the effect of each packet in each state.
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
#include <patio/protocol/request_credit.hpp>
#include <patio/protocol/session_event.hpp>
#include <patio/protocol/session_options.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

/// Progress of the discovery. `told`: we have sent our DISCOVER_RESPONSE. `heard`: the peer's
/// DISCOVER_RESPONSE has arrived.
enum class discovery : std::uint8_t { none, told, heard, both };
/// Progress of our LEAVING. `agreed`: the peer sends no more requests, or does not know LEAVING.
enum class goodbye : std::uint8_t { none, asked, agreed };

struct session_status {
  protocol::discovery discovery = discovery::none;
  protocol::goodbye goodbye = goodbye::none;
  bool is_probing = false;     ///< a `probe` waits for its answer
  bool is_decoding = false;    ///< between payload_to_decode and `decoded`; pause reading
  bool peer_went_away = false; ///< the peer takes no more requests
  extensions agreed;           ///< extensions that both sides have announced
};

class session {
public:
  enum class state : std::uint8_t { login, discovery, ready, closed };

  /// For `nonce`, see login_exchange.
  session(role side, std::shared_ptr<const session_options> options, std::string nonce);

  /// Passes received bytes to the session, in pieces of any size. The bytes must stay valid until
  /// `next` has returned false.
  void feed(std::string_view bytes) { reader_.feed(bytes); }
  /// Handles the next whole frame. Returns false if there is none, or if the connection has ended.
  /// The owner handles the events after each call, even after a call that returns false.
  [[nodiscard]] bool next();
  /// Takes back the finished job of a payload_to_decode. Leaves refused data in the job, because
  /// destroying that data may take a long time. After this, call `next` until `next` returns false.
  void decoded(decode_job& job);

  /// Sends a REQUEST and returns its serial. Fails with errc::not_sent if the state is not `ready`.
  /// On success the token comes back once, in a request_ended or in a session_closed, unless the
  /// owner abandons the request.
  /// `queue` is the peer's queue of the function. The owner has checked that the credit has room.
  [[nodiscard]] result<std::uint32_t> request(std::uint64_t token, const call_request& call,
                                              queue_number queue = no_queue);
  /// Ends a request without its answer. A later answer is dropped. With `is_cancelled`, sends a
  /// CANCEL if the peer knows that extension. Returns false if the request has already ended.
  bool abandon(std::uint32_t serial, bool is_cancelled);
  /// Answers a request_arrived. Does nothing if the request has already been answered, or if the
  /// connection has closed.
  void answer(request_id id, const result<value>& r);
  /// Answers with a result that the owner has already pickled with `write_pickle`, or with the
  /// error of that attempt. The owner must use the types and the frame limit of the options.
  void answer_pickled(request_id id, const result<std::string>& r);

  /// Asks the peer for its function names. The state must be `ready`. A Python peer always answers,
  /// but only after its busy workers become free. The answer comes as names_served, and for a
  /// `token` also as question_answered. Without a token, does nothing while an earlier probe waits
  /// for its answer.
  void probe(std::optional<std::uint64_t> token = {});
  /// Asks the peer to send no more requests, if the peer knows LEAVING.
  void go_away();
  /// Ends the connection. `sent` is the number of bytes of `output` that may have reached the
  /// socket since the connection began. A request that begins after these bytes was not sent.
  /// Without `sent`, all bytes that the owner has taken may have reached the socket.
  void close(error why, std::optional<std::uint64_t> sent = {});

  [[nodiscard]] event_queue& events() noexcept { return events_; }
  [[nodiscard]] frame_output& output() noexcept { return output_; }
  [[nodiscard]] login_exchange& login() noexcept { return login_; }
  [[nodiscard]] inbound_requests& inbound() noexcept { return inbound_; }
  [[nodiscard]] outbound_requests& outbound() noexcept { return outbound_; }
  [[nodiscard]] request_credit& credit() noexcept { return credit_; }
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
  /// Names of the functions that this peer may call, pickled. Empty if the options hold them.
  std::string callable_names_;
  frame_reader reader_;
  frame_output output_;
  outbound_requests outbound_;
  inbound_requests inbound_;
  request_credit credit_;
  event_queue events_;
};

/// True if closing the connection now loses no call. If the peer knows LEAVING, this is also true
/// of the peer's requests that have not arrived yet.
[[nodiscard]] bool is_drained(session& s) noexcept;

} // namespace patio::protocol
