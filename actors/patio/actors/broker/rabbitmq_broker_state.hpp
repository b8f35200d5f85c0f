/// The state of a rabbitmq_broker actor. It connects actors, the executors, the socket and the
/// state machine amqp::node. Every function runs on CAF's I/O thread; other threads send messages.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/io/broker.hpp>

#include <patio/actors/broker/answer_box.hpp>
#include <patio/actors/broker/broker_messages.hpp>
#include <patio/actors/broker/caller_table.hpp>
#include <patio/actors/broker/peer_log.hpp>
#include <patio/actors/broker/rabbitmq_broker.hpp>
#include <patio/actors/broker/rabbitmq_socket.hpp>
#include <patio/actors/broker/ready_waiters.hpp>
#include <patio/actors/caf/contain.hpp>
#include <patio/actors/caf/ticker.hpp>
#include <patio/actors/os/connector.hpp>
#include <patio/amqp/node.hpp>

namespace patio {

/// The options of a RabbitMQ broker, checked and translated for the state of the actor.
struct rabbitmq_setup {
  endpoint where;
  amqp::node_options node;
  std::optional<tls::context> tls;
};

class rabbitmq_broker_state {
public:
  rabbitmq_broker_state(caf::io::broker* self, const executors& run_in, rabbitmq_setup setup);
  ~rabbitmq_broker_state();

  // Calls.
  void call(outgoing_call outgoing, waiting_caller caller);
  void cancel(const amqp::call_key& key);
  void take_answers();
  void ping(caf::response_promise promise);
  [[nodiscard]] std::vector<peer_info> peers() const;

  // The socket and the time.
  void on_dialled(const dialled_socket& socket);
  void on_data(caf::io::new_data_msg& msg);
  void on_transferred(const caf::io::data_transferred_msg& msg);
  void on_socket_closed(const caf::io::connection_closed_msg& msg);
  void tick(std::int64_t number);
  /// Handles the node's events, writes its output and asks for the next tick.
  void flush();
  /// Flushes once for all messages that are in the mailbox now.
  void schedule_flush();

  void ready(bool until_connected, caf::response_promise promise);
  void join(caf::response_promise promise) { joiners_.push_back(std::move(promise)); }
  void begin_shut_down(caf::response_promise promise);

  /// Runs a handler. If it throws, for example out of memory, the connection ends.
  template <class F>
  void guarded(F handler) noexcept {
    contain(std::move(handler), [this](const char* why) noexcept { give_up(why); });
  }

private:
  struct drain_state {
    bool begun = false, ended = false;
    instant until = never;
  };

  // The node's events.
  void handle(amqp::dial_server& event);
  void handle(amqp::server_ready& event);
  void handle(amqp::server_lost& event);
  void handle(amqp::function_refused& event);
  void handle(amqp::execute_call& event);
  void handle(amqp::call_finished& event);
  void handle(amqp::ping_finished& event);
  void handle(amqp::log_line& event);

  void handle_events();
  void apply(const net::backlog_change& change);
  void quit_if_drained();
  void give_up(const char* why) noexcept;

  caf::io::broker* self_;
  task_batches tasks_; ///< calls that have arrived, for the executors
  rabbitmq_setup setup_;
  /// Shared with workers, which may outlive the broker.
  std::shared_ptr<answer_channel<amqp::inbound_id>> answers_;
  peer_log log_;
  caller_table callers_;
  std::vector<caf::response_promise> joiners_;
  ready_waiters waiters_;
  amqp::node node_;
  std::optional<rabbitmq_socket> socket_;
  drain_state drain_;
  ticker ticks_;
  struct {
    bool flush_scheduled = false, handling_events = false, trouble_is_logged = false;
  } flags_;
  std::optional<connector> connector_; ///< last: its thread ends before the other members
};

} // namespace patio

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::amqp::call_key)
