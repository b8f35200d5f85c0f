/// The state of a tcp_broker actor: sockets and messages on one side, the node's state machine on
/// the other. Internal. Every function runs on CAF's I/O thread, but for what the connector's and
/// the decoder's thread send as messages.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include <caf/io/broker.hpp>

#include <patio/actors/broker/caller_table.hpp>
#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/caf/ticker.hpp>
#include <patio/actors/os/connector.hpp>
#include <patio/actors/os/decoder.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/base/rate_limit.hpp>
#include <patio/base/time_share.hpp>
#include <patio/mesh/node.hpp>

namespace patio {

/// In bytes: what decoding or writing is left to another thread, as it may take over half a
/// millisecond.
inline constexpr std::size_t large_payload = 32'768;
/// A large result, which its worker has written.
using pickled_result = std::shared_ptr<result<std::string>>;

using flush_atom = caf::atom_constant<caf::atom("flush")>;
using turn_atom = caf::atom_constant<caf::atom("turn")>;
using decoded_atom = caf::atom_constant<caf::atom("decoded")>;
using accepted_atom = caf::atom_constant<caf::atom("accepted")>;
using dialled_atom = caf::atom_constant<caf::atom("dialled")>;
using redial_atom = caf::atom_constant<caf::atom("redial")>;

class tcp_broker_state final : public mesh::node_events {
public:
  tcp_broker_state(caf::io::broker* self, executor exec, tcp_options options,
                   std::optional<tls::context> tls);
  ~tcp_broker_state();

  /// Runs a handler. What it throws (memory may run out) costs the connection that it is about, or
  /// nothing, and never the broker.
  template <class F>
  void guarded(connection_id about, F handler) noexcept {
    try {
      handler();
    } catch (const std::exception& e) {
      give_up(about, e.what());
    } catch (...) {
      give_up(about, "an unknown exception");
    }
  }
  [[nodiscard]] connection_id
  number_of(caf::io::connection_handle hdl) const noexcept; ///< 0 for one that is gone

  // From sockets.
  void on_data(caf::io::new_data_msg& msg);
  void on_transferred(const caf::io::data_transferred_msg& msg);
  void on_socket_closed(caf::io::connection_handle hdl);
  void on_decoded(connection_id id, decoder::job job);
  void on_accepted(shared_socket r);
  void on_dialled(std::uint64_t dial, const shared_socket& r);

  // From actors.
  void call(outgoing_call what, waiting_caller caller);
  void cancel(mesh::call_id id);
  void answered(const mesh::inbound_id& id, const result<value>& r);
  void answered(const mesh::inbound_id& id, const result<std::string>& pickled);
  caf::error listen(const listening_socket& socket);
  caf::error replace(const tls::context& tls);
  void connect(const dial_target& target, caf::response_promise promise);
  void dial(std::uint64_t number);
  void ping(connection_id id, caf::response_promise promise);
  void begin_shut_down(caf::response_promise promise);
  void join(caf::response_promise promise) { joiners_.push_back(std::move(promise)); }
  [[nodiscard]] std::vector<std::string> callable_names() const;
  [[nodiscard]] std::vector<peer_info> peers() const { return node_.peers(); }
  void flush();
  void tick(std::int64_t number);
  void take_turn();

private:
  struct link {
    caf::io::connection_handle hdl;
    bool is_open = true;    ///< CAF has the socket; else its number may be another's
    bool is_paused = false; ///< not read from
    std::string address;    ///< of the other end, for the log
    std::uint64_t sent = 0; ///< bytes that may have reached the socket
    std::size_t in_caf =
      0;                ///< bytes in CAF's write buffer; while there are none, we write directly
    instant moved_at{}; ///< when that was empty or shrank the last time
    bool congested = false;
    time_share share{clock_now()}; ///< of this thread
    std::string unread = {};       ///< came, and waits for its turn
    static constexpr std::size_t smallest_read = 4096;
    std::size_t read_size = smallest_read; ///< CAF clears its read buffer for every read, so it
                                           ///< follows the traffic, and the others wait
    std::size_t next_read_size = smallest_read;
    std::uint64_t dial = 0;   ///< 0 for an accepted connection
    instant ready_at = never; ///< logged in since
  };
  struct dial_state {
    dial_target target;
    caf::response_promise promise; ///< until the first login or the end
    patio::backoff backoff;
    bool reported = false; ///< the same trouble is logged once
  };

  struct log_budget {
    explicit log_budget(std::size_t lines) : of_one{lines}, of_all{10 * lines} {}
    rate_limit of_one, of_all; ///< peers' networks, lines a second
  };

  // node_events
  void on_execute(mesh::inbound_call work) override;
  void on_finished(std::uint64_t token, result<value> r) override;
  void on_pong(std::uint64_t token) override;
  void on_peer(const peer_info& peer) override;
  void on_closed(connection_id id, const error& why) override;
  void on_log(std::string_view peer, std::string text) override;
  void on_decode(connection_id id, std::unique_ptr<protocol::decode_job> job) override;

  void give_up(connection_id about, const char* why) noexcept;
  void open(unique_fd fd, role side, std::uint64_t dial);
  void do_later(std::function<void()> what);
  void do_later(connection_id id, link& l, std::string_view unread);
  void ask_for_turn();
  void take_in(connection_id id, std::string_view bytes);
  void take_unread(connection_id id);
  void take_over(const shared_socket& r);
  void charge(link& l, instant begun, instant now) const;
  static void adapt_read_size(link& l, std::size_t got, std::chrono::nanoseconds took);
  void set_read_size(link& l, std::vector<char>& buffer);
  void pause(link& l);
  void go_on(connection_id id);
  void write(connection_id id, link& l);
  void note_backlog(connection_id id, link& l, std::size_t bytes);
  void cut_stalled();
  void resume(link& l);
  void hang_up(link& l, bool abort);
  void dial_failed(std::uint64_t number, const error& why);
  void schedule_flush();
  void write_dirty();
  void warn(std::string_view event, const std::string& peer, std::string_view reason);
  void tell(const std::string& peer, const std::string& line);
  void note(log_level level, log_budget& budget, const std::string& peer, std::string line);
  void arm();
  [[nodiscard]] bool is_drained() const;
  void end_if_drained();

  caf::io::broker* self_;
  executor executor_;
  tcp_options options_;
  std::shared_ptr<const python_types> types_; ///< for workers, which may outlive this
  std::optional<tls::context> tls_;
  mesh::node node_;
  caller_table callers_;
  std::unordered_map<connection_id, link> links_;
  std::unordered_map<std::int64_t, connection_id>
    ids_; ///< by CAF's handle, which is a descriptor and may come again
  std::map<std::uint64_t, dial_state> dials_;
  std::uint64_t last_dial_ = 0;
  std::vector<caf::response_promise> joiners_;
  std::deque<std::function<void()>>
    later_; ///< for connections that have used up their time, and new ones
  std::shared_ptr<bool> has_asked_for_turn_ =
    std::make_shared<bool>(false); ///< outlives this in what asks
  connection_id last_heard_ = 0;
  instant shared_until_{}; ///< more than one connection has sent lately
  log_budget warnings_, news_;
  std::unordered_set<connection_id> backlogged_; ///< whose in_caf is not 0
  bool flush_scheduled_ = false, draining_ = false, ended_ = false;
  std::size_t unwritten_ = 0, burst_ = 0;
  ticker ticks_;
  instant drain_until_ = never;
  decoder decoder_;
  std::optional<connector> connector_; ///< last: its thread ends before anything it could refer to
};

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::mesh::call_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::mesh::inbound_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::shared_socket)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::decoder::job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::pickled_result)
