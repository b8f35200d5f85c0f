/// One connection's side of the protocol: bytes and answers go in, bytes and events come out. A
/// resource owned by one node; no socket, no clock, no thread. The states and what each packet does
/// in them: libpatio/README.md.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <patio/base/serial_table.hpp>
#include <patio/base/time.hpp>
#include <patio/protocol/access.hpp>
#include <patio/protocol/decode_job.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/frame.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// Who dialled; after the login both are equal.
enum class role : std::uint8_t { server, client };

} // namespace patio

namespace patio::protocol {

/// What all connections of a node share.
struct session_options {
  secret key; ///< at most 32 bytes: proved when dialling, and accepted from those who dial
  std::vector<std::string> names; ///< functions announced to peers that may call them
  patio::limits limits;
  protocol::extensions extensions = {}; ///< announced to peers
  std::vector<named_key> keys = {};     ///< accepted as well; beside them an empty `key` is not
  std::vector<access_rule> rules = {};
  python_types types = {}; ///< carried beyond the built-in ones
  /// Payloads of more bytes are given to `session_events::on_decode`.
  std::size_t decode_apart = std::string::npos;
  std::string pickled_names = {}; ///< `names` as DISCOVER_RESPONSE has them, if made already
};

/// A request of the peer's. A serial may come again once its request has been answered; the number
/// does not.
struct request_id {
  std::uint32_t serial = 0;
  std::uint64_t number = 0;
  friend bool operator==(const request_id&, const request_id&) = default;
};

/// What the owner of a session is told, from within `receive`, `decoded`, `abandon` and `close`. It
/// may answer, request and close from within, but not receive.
class session_events {
public:
  virtual void on_ready() = 0; ///< logged in and discovered, once
  virtual void on_names(
    std::vector<std::string> names) = 0; ///< what the peer serves, sorted, on every discovery
  virtual void on_request(
    request_id id,
    call_request&& call) = 0; ///< answer it once by `session::answer`; take of it what you need
  virtual void on_cancel(request_id id) = 0; ///< its caller has given it up; answer it all the same
  virtual void on_result(std::uint64_t token, result<value> r) = 0; ///< a request of ours has ended
  virtual void on_pong(std::uint64_t token) = 0;                    ///< a `ping` was answered
  virtual void on_lost_ping(std::uint64_t token,
                            error why) = 0; ///< a `ping` was not: the connection ends
  virtual void on_leaving() = 0;            ///< the peer takes no more requests
  virtual void on_refused(error why) = 0;   ///< something, for the log; the connection lives on
  virtual void on_close(error why) = 0;     ///< last; all requests have ended before
  /// Run the job and pass it to `session::decoded`, later: nothing that has come behind it is
  /// looked at until then.
  virtual void on_decode(std::unique_ptr<decode_job>) {}

protected:
  ~session_events() = default;
};

class session {
public:
  enum class state : std::uint8_t { login, discovery, ready, closed };

  /// `nonce`: `token_size` fresh random bytes for a server, `salt_size` for a client.
  session(role side, std::shared_ptr<const session_options> options, std::string nonce,
          session_events& events);

  void receive(std::string_view bytes);
  /// Of an on_decode. What the session refuses stays in the job, as it may take long to destroy.
  void decoded(decode_job& job);
  /// Between an on_decode and its `decoded`: better let the peer wait than receive, as all that
  /// comes is kept.
  [[nodiscard]] bool is_decoding() const noexcept { return decoding_; }

  /// The peer has proved these names, by TLS, say; before it is ready. The login may add its key's.
  void prove(const std::vector<std::string>& names);
  [[nodiscard]] const std::vector<std::string>& proved() const noexcept { return proved_; }
  [[nodiscard]] bool may_call(std::string_view function) const {
    return patio::may_call(options_->rules, proved_, function);
  }

  /// Sends a REQUEST in state `ready`. On success the token comes back once, through on_result.
  [[nodiscard]] result<std::uint32_t> request(std::uint64_t token, const call_request& call);
  /// Ends a request early with this result; its answer, if it still comes, is dropped. One that is
  /// cancelled is so at the peer as well.
  void abandon(std::uint32_t serial, error why);
  /// Exactly one answer for each on_request; if it has been answered (the connection closed),
  /// nothing happens.
  void answer(request_id id, const result<value>& r);
  /// The same with a result that `write_pickle` has written elsewhere, with the options' types and
  /// frame limit, or not been able to.
  void answer_pickled(request_id id, const result<std::string>& r);
  /// Requested once the request has been answered, by whomever, or its connection is lost. Within
  /// on_request and until then.
  [[nodiscard]] std::stop_token over(request_id id);
  /// Asks again what the peer serves, in state `ready`; Python answers at any time, though behind
  /// its busy workers.
  void ping(std::uint64_t token);
  /// The same without a token: the answer comes through on_names only. Not before the last one has
  /// been answered.
  void refresh();
  [[nodiscard]] bool refreshing() const noexcept { return refreshing_; }
  /// Tells the peer, if it can be told, to send no more requests.
  void leave();
  /// Whether nothing is lost if the connection is closed now, the peer's requests on their way
  /// included, where one can know.
  [[nodiscard]] bool idle() const noexcept;

  /// Ends the connection. `sent` counts the bytes of `output` that may have reached the socket
  /// since the beginning: a request none of whose bytes are among them was not sent. Without it,
  /// all bytes taken may have.
  void close(error why, std::optional<std::uint64_t> sent = {});

  /// Bytes for the peer; the owner takes them all.
  [[nodiscard]] std::string& output() noexcept { return output_; }
  /// To be called whenever the owner has taken `output`.
  void taken(std::size_t bytes) noexcept { taken_ += bytes; }

  [[nodiscard]] enum state state() const noexcept { return state_; }
  [[nodiscard]] std::size_t outbound() const noexcept { return requests_; }
  [[nodiscard]] std::size_t inbound() const noexcept {
    return inbound_.size() + (current_ ? 1 : 0);
  }
  [[nodiscard]] std::size_t inbound_bytes() const noexcept {
    return inbound_bytes_;
  } ///< of their arguments, about
  /// About, of one that runs.
  [[nodiscard]] std::size_t argument_bytes(request_id id) const {
    const auto* request = running(id);
    return request ? request->bytes : 0;
  }
  [[nodiscard]] bool is_running(request_id id) const {
    return state_ != state::closed && running(id) != nullptr;
  }
  /// What both sides have announced.
  [[nodiscard]] const extensions& agreed() const noexcept { return agreed_; }
  [[nodiscard]] bool is_within_frame() const noexcept { return reader_.is_within_frame(); }
  [[nodiscard]] bool peer_is_leaving() const noexcept { return peer_is_leaving_; }
  /// Whether requests of the peer's are to be refused since `leave`: it knows, or cannot be told.
  [[nodiscard]] bool left() const noexcept { return left_; }
  [[nodiscard]] std::uint64_t ignored_answers() const noexcept { return ignored_; }
  /// The owner resets the count of unexpected answers once a minute.
  void forgive() noexcept { unexpected_ = 0; }

private:
  struct pending {
    enum class kind : std::uint8_t { request, ping, discovery, leaving } what = kind::request;
    std::uint64_t token = 0;
    std::uint64_t begins_at = 0; ///< offset of its frame in all bytes ever put out
  };
  struct inbound_request {
    std::uint64_t number = 0;
    std::size_t bytes = 0;
    std::stop_source over{std::nostopstate}; ///< only if somebody has asked for its token
  };

  [[nodiscard]] std::size_t longest_output() const noexcept;
  [[nodiscard]] frame_reader::verdict judge(const frame_header& header);
  [[nodiscard]] std::optional<std::string> unlawful(const frame_header& header) const;
  void refuse_oversize(const frame_header& header, error why);
  void advance();
  void handle(const frame_reader::frame& f);
  void decode(const frame_reader::frame& f);
  void handle_decoded(decode_job& job);
  void handle_login(const frame_reader::frame& f);
  void refuse_names(const frame_header& header);
  void handle_discover_response(const frame_header& header, decode_job::served_names& served);
  void handle_request(const frame_header& header, decode_job::request& r);
  void handle_cancel(std::uint32_t serial);
  void handle_leaving(const frame_reader::frame& f);
  [[nodiscard]] std::optional<error> refusal(const call_request& call, std::size_t bytes) const;
  void refuse_request(std::uint32_t serial, error why);
  void handle_answer(const frame_header& header, result<value>& payload);
  [[nodiscard]] const std::string& callable_names();
  void begin_discovery();
  void become_ready_if_discovered();
  [[nodiscard]] bool awaits_answer(std::uint32_t serial);
  [[nodiscard]] bool awaits_names(std::uint32_t serial);
  [[nodiscard]] std::optional<std::uint64_t> end_of_request(const frame_header& answer);
  void unexpected_answer();
  void lose(const pending& p, const std::string& text);
  void withdraw_requests();
  void put_raw(packet type, std::uint32_t serial, std::string_view payload);
  void ask(packet type, pending::kind what, std::uint64_t token, std::string_view payload);
  template <class Put>
  void end_inbound(request_id id, Put put);
  void put_answer(std::uint32_t serial, const result<value>& r);
  void put_unsendable(std::uint32_t serial, const error& why);
  void put_error(std::uint32_t serial, const error& why);
  [[nodiscard]] const inbound_request* running(request_id id) const;
  [[nodiscard]] std::optional<pending> take_request(std::uint32_t serial);
  void fail(errc code, std::string text, limit exceeded = limit::none);
  [[nodiscard]] bool accept_login(std::string_view answer);
  [[nodiscard]] std::uint64_t position() const noexcept { return taken_ + output_.size(); }

  role side_;
  enum state state_ = state::login;
  std::shared_ptr<const session_options> options_;
  session_events& events_;
  std::string challenge_, salt_;
  std::vector<std::string> proved_;
  std::string callable_names_; ///< pickled, if the options' are not what this peer is told
  frame_reader reader_;
  std::string output_;
  std::uint64_t taken_ = 0;
  std::optional<std::uint64_t> sent_;
  serial_table<pending> pending_;
  std::size_t requests_ = 0; ///< of pending_
  std::unordered_map<std::uint32_t, inbound_request>
    inbound_;                     ///< not answered yet, but for `current_`
  std::size_t inbound_bytes_ = 0; ///< of inbound_
  std::uint64_t last_number_ = 0;
  std::optional<std::pair<std::uint32_t, inbound_request>>
    current_; ///< the request that on_request is being told of
  extensions agreed_;
  bool told_names_ = false, heard_names_ = false, refreshing_ = false, peer_is_leaving_ = false,
       leaving_ = false, left_ = false;
  bool decoding_ = false;
  std::size_t abandoned_ = 0, unexpected_ = 0;
  std::uint64_t ignored_ = 0;
};

} // namespace patio::protocol
