/// The state of a redis_broker actor: connects actors, executors, sockets and the state machine.
/// Every function runs on CAF's I/O thread; other threads send messages.
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
#include <patio/actors/broker/ready_waiters.hpp>
#include <patio/actors/broker/redis_broker.hpp>
#include <patio/actors/caf/contain.hpp>
#include <patio/actors/caf/ticker.hpp>
#include <patio/actors/net/link_sockets.hpp>
#include <patio/actors/os/connector.hpp>
#include <patio/redis/node.hpp>

namespace patio {

class redis_broker_state {
public:
  redis_broker_state(caf::io::broker* self, executors run_in, const redis_options& options,
                     redis::settings settings, std::optional<tls::context> tls);
  ~redis_broker_state();

  // Messages of actors.
  void call(outgoing_call outgoing, waiting_caller caller);
  void cancel(redis::call_number number);
  enum class question : std::uint8_t { names, pong };
  void ask(question q, caf::response_promise promise);
  void connected(caf::response_promise promise);
  [[nodiscard]] std::vector<peer_info> peers();
  void join(caf::response_promise promise) { drain_.joiners.push_back(std::move(promise)); }
  void begin_shut_down(caf::response_promise promise);

  // Messages of CAF, of the connector, of workers and of the clock.
  void on_data(caf::io::new_data_msg& message);
  void on_transferred(const caf::io::data_transferred_msg& message);
  void on_closed(const caf::io::connection_closed_msg& message);
  void on_dialled(redis::link_number link, const dialled_socket& socket);
  void take_answers();
  void tick(std::int64_t number);

  /// Runs a handler, then handles the events of the state machine and writes its output. The broker
  /// lives on if the handler throws.
  template <class F>
  void guarded(F handler) noexcept {
    auto run = [&] {
      handler();
      flush();
    };
    contain(run, [this](const char* why) noexcept { failed(why); });
  }

private:
  struct drain_state {
    bool begun = false, ended = false;
    instant until = never;
    std::vector<caf::response_promise> joiners = {};
  };

  // The events of the state machine.
  void handle(const redis::dial_link& event);
  void handle(const redis::end_link& event);
  void handle(const redis::connection_news& event);
  void handle(redis::call_finished& event);
  void handle(redis::execute_task& event);
  void handle(redis::names_listed& event);
  void handle(const redis::pong& event);
  void handle(const redis::log_line& event);

  void handle_events();
  void flush();
  void write_output();
  void apply(redis::link_number link, const net::backlog_change& change);
  void failed(const char* why) noexcept;
  void quit_if_drained();

  caf::io::broker* self_;
  task_batches tasks_; ///< claimed tasks, for the executors
  redis_options options_;
  endpoint server_;
  std::optional<tls::context> tls_;
  /// Shared with workers, which may outlive the broker.
  std::shared_ptr<answer_channel<redis::task_number>> answers_;
  peer_log log_;
  caller_table callers_;
  ready_waiters connecting_;
  redis::node node_;
  net::link_sockets sockets_;
  drain_state drain_;
  ticker ticks_;
  std::optional<connector> connector_; ///< last: its thread ends before the other members
};

} // namespace patio
