/// The state of a tcp_broker actor. It connects actors, the executor, the dialler and the node. The
/// node_driver serves the node's sockets. Every function runs on CAF's I/O thread; other threads
/// send messages.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <caf/io/broker.hpp>

#include <patio/actors/broker/answer_box.hpp>
#include <patio/actors/broker/broker_messages.hpp>
#include <patio/actors/broker/caller_table.hpp>
#include <patio/actors/broker/dialler.hpp>
#include <patio/actors/broker/node_driver.hpp>
#include <patio/actors/broker/peer_log.hpp>
#include <patio/actors/broker/tcp_broker.hpp>
#include <patio/actors/os/connector.hpp>

namespace patio {

using accepted_atom = caf::atom_constant<caf::atom("accepted")>;
using redial_atom = caf::atom_constant<caf::atom("redial")>;
/// From a worker: calls have begun, and the node can grant credit.
using credit_atom = caf::atom_constant<caf::atom("credit")>;

class tcp_broker_state {
public:
  tcp_broker_state(caf::io::broker* self, const executors& run_in, tcp_options options,
                   std::optional<tls::context> tls);
  ~tcp_broker_state();

  [[nodiscard]] node_driver& driver() noexcept { return driver_; }

  // Calls.
  void call(outgoing_call&& outgoing, waiting_caller&& caller);
  void cancel(mesh::call_id id);
  /// Passes the answers of workers to the node. The caller flushes.
  void take_answers();
  void ask(connection_id id, const mesh::question& q, caf::response_promise promise);
  [[nodiscard]] std::vector<std::string> callable_names();
  [[nodiscard]] std::vector<peer_info> peers() { return driver_.node().peers(); }

  // Connections.
  caf::error listen(const listening_sockets& sockets);
  caf::error replace_tls(const tls::context& tls);
  void connect(const dial_target& target, caf::response_promise promise);
  void dial(std::uint64_t number);
  void on_accepted(shared_socket socket);
  void on_dialled(std::uint64_t number, const dialled_socket& socket);

  // The end.
  void join(caf::response_promise promise) { joiners_.push_back(std::move(promise)); }
  void begin_shut_down(caf::response_promise promise);

private:
  static void take_direct(void* state, outgoing_call& call);

  // The node's events.
  void handle(mesh::execute_call& event);
  void handle(mesh::call_finished& event);
  void handle(mesh::answer_received& event);
  void handle(mesh::peer_ready& event);
  void handle(mesh::connection_closed& event);
  void handle(mesh::log_line& event);
  void handle(mesh::decode_payload& event);

  [[nodiscard]] caf::error check_listeners(const std::vector<unique_fd>& fds) const;
  void adopt(const shared_socket& socket);
  void open(unique_fd fd, role side, std::uint64_t dial);
  void dial_failed(std::uint64_t number, const error& why);
  void log_silent(const std::string& peer, const std::string& reason);

  caf::io::broker* self_;
  task_batches tasks_; ///< calls that have arrived, for the executors
  tcp_options options_;
  std::optional<tls::context> tls_;
  /// Shared with workers, which may outlive the broker.
  std::shared_ptr<answer_channel<mesh::inbound_id>> answers_;
  peer_log log_;
  caller_table callers_;
  dialler dialler_;
  std::vector<caf::response_promise> joiners_;
  /// The number of accepted connections whose peers never sent a byte.
  std::uint64_t silent_connections_ = 0;
  node_driver driver_;
  std::optional<connector> connector_; ///< last: its thread ends before the other members
};

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::mesh::call_id)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::shared_socket)
