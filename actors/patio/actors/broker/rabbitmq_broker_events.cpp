#include <patio/actors/broker/rabbitmq_broker_state.hpp>

#include <utility>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/weak_send.hpp>

// Handlers of the node's events.
namespace patio {

// A handler may call the node again. The loop handles the events of that call after the events that
// are already queued.
void rabbitmq_broker_state::handle_events() {
  if (std::exchange(flags_.handling_events, true)) return;
  std::vector<amqp::node_event> events;
  for (node_.take_events(events); !events.empty(); node_.take_events(events)) {
    for (auto& event : events) guarded([&] { std::visit([this](auto& e) { handle(e); }, event); });
    events.clear();
  }
  flags_.handling_events = false;
}

void rabbitmq_broker_state::handle(amqp::dial_server&) {
  auto tell = [weak = self_->address()](result<connected_socket> socket) {
    send_if_alive(weak, dialled_atom::value,
                  std::make_shared<result<connected_socket>>(std::move(socket)));
  };
  try {
    connector_->connect(
      {.target = setup_.where, .deadline = after(clock_now(), setup_.node.limits.connect_timeout)},
      std::move(tell));
  } catch (const std::exception& e) { // the node waits for the outcome of its dial
    node_.connect_failed({errc::connect_failed, e.what(), {}}, clock_now());
  }
}

void rabbitmq_broker_state::handle(amqp::server_ready&) {
  flags_.trouble_is_logged = false;
  log_.tell("connected", to_string(setup_.where), {});
  waiters_.answer({}, false);
}

// A failure is news once, until the node has connected again.
void rabbitmq_broker_state::handle(amqp::server_lost& event) {
  if (socket_) socket_->end(event.last_bytes);
  socket_.reset();
  bool was_wanted = event.why.code == errc::shut_down;
  if (!was_wanted && !std::exchange(flags_.trouble_is_logged, true))
    log_.warn("disconnected", to_string(setup_.where), text_of(event.why));
  waiters_.answer(tl::unexpected(event.why), true);
}

void rabbitmq_broker_state::handle(amqp::function_refused& event) {
  log_.warn("refused", to_string(setup_.where), text_of(event.why));
  waiters_.answer(tl::unexpected(event.why), false);
}

void rabbitmq_broker_state::handle(amqp::execute_call& event) {
  // The captured reservation counts the bytes of the arguments until the worker destroys this
  // lambda.
  auto back = [to = answers_, place = answers_->box.make_place(event.id),
               reservation = std::move(event.reservation)](result<value> r) mutable {
    to->put(std::move(place), std::move(r));
  };
  tasks_.add(make_task(event.entry, std::move(event.args), event.deadline,
                       reply{std::move(back), errc::shut_down, std::move(event.stop)},
                       {self_->id(), event.id.epoch}));
}

void rabbitmq_broker_state::handle(amqp::call_finished& event) {
  auto caller = callers_.take(event.token);
  deliver(caller, std::move(event.outcome));
}

void rabbitmq_broker_state::handle(amqp::ping_finished& event) {
  auto caller = callers_.take(event.token);
  if (event.outcome) caller.promise.deliver(caf::unit);
  else caller.promise.deliver(to_caf(event.outcome.error()));
}

void rabbitmq_broker_state::handle(amqp::log_line& event) {
  log_.warn("refused", to_string(setup_.where), event.text);
}

} // namespace patio
