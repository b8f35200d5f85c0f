#include <patio/actors/broker/rabbitmq_broker_state.hpp>

#include <new>
#include <utility>

#include <caf/send.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/weak_send.hpp>
#include <patio/amqp/bodies.hpp>

namespace patio {
namespace {

/// False for a message about an earlier socket.
bool is_from(std::optional<rabbitmq_socket>& socket, const auto& message) {
  return socket && socket->stream().handle() == message.handle;
}

result<rabbitmq_socket> make_socket(caf::io::broker* self, result<connected_socket>& dialled,
                                    const rabbitmq_setup& setup) {
  if (!dialled) return tl::unexpected(dialled.error());
  const auto& limits = setup.node.limits;
  std::unique_ptr<tls::engine> engine;
  if (setup.tls) {
    auto made = setup.tls->connect(setup.where.host);
    if (!made) return tl::unexpected(std::move(made.error()));
    engine = std::move(*made);
  }
  tune(dialled->fd.get(), limits);
  net::stream_options options{limits.high_water_bytes, limits.write_buffer_bytes,
                              limits.write_stall_timeout};
  return rabbitmq_socket{self, std::move(dialled->fd), options, std::move(engine)};
}

} // namespace

rabbitmq_broker_state::rabbitmq_broker_state(caf::io::broker* self, const executors& run_in,
                                             rabbitmq_setup setup)
    : self_{self}, tasks_{run_in}, setup_{std::move(setup)},
      answers_{std::make_shared<answer_channel<amqp::inbound_id>>(
        self->address(),
        pickle_form{setup_.node.types, setup_.node.limits.frame_bytes, amqp::body_protocol})},
      log_{setup_.node.limits.log_lines}, node_{setup_.node, run_in.functions()},
      connector_{std::in_place, setup_.node.limits.accept_retry_delay} {
  auto unix_time = std::chrono::system_clock::now().time_since_epoch();
  node_.set_unix_time(unix_time, clock_now());
  node_.start(clock_now());
}

// Answers every caller, whatever the reason for the actor's end.
rabbitmq_broker_state::~rabbitmq_broker_state() {
  node_.shut_down({errc::shut_down, {}, {}}, clock_now());
  guarded([this] { handle_events(); });
  waiters_.answer(fail(errc::shut_down, {}), false);
  connector_.reset();
  for (auto& j : joiners_) j.deliver(caf::unit);
}

// If the node cannot take the call, the caller still gets an answer. The connection ends, because
// part of a message may be in its output.
void rabbitmq_broker_state::call(outgoing_call outgoing, waiting_caller caller) {
  auto token = callers_.add(std::move(caller));
  amqp::call_key key;
  try {
    key = node_.call(token, outgoing.request, clock_now());
  } catch (const std::exception& e) {
    give_up(e.what());
    auto unlucky = callers_.take(token);
    return deliver(unlucky, fail(errc::not_sent, e.what()));
  }
  schedule_flush();
  watch(callers_.at(token), outgoing.stop, self_->address(), key);
}

void rabbitmq_broker_state::cancel(const amqp::call_key& key) {
  node_.cancel(key, clock_now());
  schedule_flush();
}

void rabbitmq_broker_state::take_answers() {
  auto now = clock_now();
  answers_->box.take([this, now](answer_box<amqp::inbound_id>::answer&& a) {
    guarded([&] {
      if (const auto* r = std::get_if<result<value>>(&a.outcome)) node_.answer(a.id, *r, now);
      else node_.answer_pickled(a.id, std::get<result<std::string>>(std::move(a.outcome)), now);
    });
  });
}

void rabbitmq_broker_state::ping(caf::response_promise promise) {
  node_.ping(callers_.add({std::move(promise), nullptr, nullptr}));
  schedule_flush();
}

std::vector<peer_info> rabbitmq_broker_state::peers() const {
  if (!node_.is_ready()) return {};
  auto [outbound, inbound] = node_.in_flight();
  return {{1, to_string(setup_.where), role::client, {}, outbound, inbound, {}}};
}

void rabbitmq_broker_state::on_dialled(const dialled_socket& socket) {
  try {
    auto connected = make_socket(self_, *socket, setup_);
    if (connected) {
      socket_ = std::move(*connected);
      node_.connected(clock_now());
    } else {
      node_.connect_failed(connected.error(), clock_now());
    }
  } catch (const std::exception& e) { // the node still waits for the outcome of its dial
    node_.connect_failed({errc::connect_failed, e.what(), {}}, clock_now());
  }
  flush();
}

void rabbitmq_broker_state::on_data(caf::io::new_data_msg& msg) {
  if (!is_from(socket_, msg)) return;
  auto begun = clock_now();
  auto size = msg.buf.size();
  auto plain = socket_->received(msg);
  if (!plain) node_.disconnected(plain.error(), begun);
  else node_.receive(*plain, begun);
  flush();
  if (socket_) socket_->stream().adapt_read_size(size, clock_now() - begun);
}

void rabbitmq_broker_state::on_transferred(const caf::io::data_transferred_msg& msg) {
  if (!is_from(socket_, msg)) return;
  apply(socket_->stream().transferred(msg));
  flush();
}

// Above high_water_bytes, calls wait. Above write_buffer_bytes, the connection ends.
void rabbitmq_broker_state::apply(const net::backlog_change& change) {
  auto now = clock_now();
  if (change.congestion_changed) node_.set_congested(socket_->stream().is_congested(), now);
  if (!change.overflowed) return;
  auto waiting = std::to_string(socket_->stream().backlog_bytes());
  node_.disconnected(error{errc::protocol,
                           "RabbitMQ does not read: " + waiting + " bytes wait for it",
                           {},
                           limit::write_buffer_bytes},
                     now);
}

void rabbitmq_broker_state::on_socket_closed(const caf::io::connection_closed_msg& msg) {
  if (!is_from(socket_, msg)) return;
  socket_->stream().closed();
  node_.disconnected(socket_->why_closed(), clock_now());
  flush();
}

void rabbitmq_broker_state::tick(std::int64_t number) {
  if (!ticks_.fired(number)) return;
  auto now = clock_now();
  node_.set_unix_time(std::chrono::system_clock::now().time_since_epoch(), now);
  node_.tick(now);
  if (socket_ && socket_->stream().is_stalled(now))
    node_.disconnected(
      error{errc::protocol, "RabbitMQ does not read", {}, limit::write_stall_timeout}, now);
  flush();
}

void rabbitmq_broker_state::schedule_flush() {
  if (flags_.flush_scheduled) return;
  self_->send(self_, flush_atom::value);
  flags_.flush_scheduled = true; // after the send, which may have thrown std::bad_alloc
}

void rabbitmq_broker_state::flush() {
  flags_.flush_scheduled = false;
  handle_events();
  tasks_.submit();
  std::string out;
  for (; node_.has_output(); handle_events()) {
    node_.take_output(out, clock_now());
    if (socket_) apply(socket_->write(out));
    if (!node_.is_ready()) wipe(out); // it may hold the password
    out.clear();
  }
  tasks_.submit();
  quit_if_drained();
  auto next = std::min(node_.next_deadline(), drain_.until);
  if (socket_ && socket_->stream().backlog_bytes() > 0)
    next = std::min(next, clock_now() + std::chrono::seconds{1});
  ticks_.arm(self_, next);
}

void rabbitmq_broker_state::ready(bool until_connected, caf::response_promise promise) {
  if (node_.is_ready()) return promise.deliver(caf::unit);
  waiters_.add(until_connected, std::move(promise));
}

void rabbitmq_broker_state::begin_shut_down(caf::response_promise promise) {
  joiners_.push_back(std::move(promise));
  if (std::exchange(drain_.begun, true)) return;
  auto now = clock_now();
  drain_.until = now + setup_.node.limits.drain_timeout;
  node_.go_away(now);
  flush();
}

void rabbitmq_broker_state::quit_if_drained() {
  if (!drain_.begun || drain_.ended) return;
  if (!node_.is_drained() && clock_now() < drain_.until) return;
  drain_.ended = true;
  node_.shut_down({errc::shut_down, {}, {}}, clock_now());
  handle_events();
  self_->quit();
}

// The tick comes after a pause, so that a handler that fails again and again does not keep the I/O
// thread busy.
void rabbitmq_broker_state::give_up(const char* why) noexcept {
  try {
    node_.disconnected(error{errc::protocol, why, {}}, clock_now());
    log_.warn("failed", to_string(setup_.where), why);
  } catch (...) { // there is not even memory for the error
  }
  try {
    ticks_.arm(self_, clock_now());
  } catch (...) { // the next message arms a tick
  }
}

} // namespace patio
