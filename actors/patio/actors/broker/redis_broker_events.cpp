#include <patio/actors/broker/redis_broker_state.hpp>

#include <algorithm>
#include <utility>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/weak_send.hpp>

// Moves bytes, time and events between the sockets, the actors and the state machine.
namespace patio {
void redis_broker_state::on_data(caf::io::new_data_msg& message) {
  auto link = sockets_.number_of(message.handle);
  if (link == 0) return;
  auto now = clock_now();
  auto got = sockets_.data(link, message);
  if (got.has_opened) node_.opened(link, now);
  if (!got.plain.empty()) node_.receive(link, got.plain, now);
  if (!got.failure) return;
  sockets_.end(link);
  node_.closed(link, *got.failure, now);
}

void redis_broker_state::on_transferred(const caf::io::data_transferred_msg& message) {
  auto link = sockets_.number_of(message.handle);
  if (link != 0) apply(link, sockets_.transferred(link, message));
}

void redis_broker_state::on_closed(const caf::io::connection_closed_msg& message) {
  auto link = sockets_.number_of(message.handle);
  if (link != 0) node_.closed(link, sockets_.closed(link), clock_now());
}

void redis_broker_state::on_dialled(redis::link_number link, const dialled_socket& socket) {
  auto now = clock_now();
  if (!*socket) return node_.closed(link, socket->error(), now);
  std::unique_ptr<tls::engine> engine;
  if (tls_) {
    auto made = tls_->connect(server_.host);
    if (!made) return node_.closed(link, made.error(), now);
    engine = std::move(*made);
  }
  try {
    if (sockets_.open(link, std::move((*socket)->fd), std::move(engine))) node_.opened(link, now);
  } catch (const std::exception& e) { // without this report, the link would never dial again
    sockets_.end(link);
    node_.closed(link, {errc::connect_failed, e.what(), {}}, now);
  }
}

namespace {

redis::encoded_reply reply_of(answer_box<redis::task_number>::answer& answer,
                              const pickle_form& form) {
  if (auto* pickled = std::get_if<result<std::string>>(&answer.outcome))
    return redis::write_pickled_reply(std::move(*pickled));
  return redis::write_reply(std::get<result<value>>(answer.outcome), form.types, form.max_bytes);
}

} // namespace

void redis_broker_state::take_answers() {
  answers_->box.take([this](answer_box<redis::task_number>::answer&& a) {
    auto store = [&] { node_.answer(a.id, reply_of(a, answers_->form), clock_now()); };
    contain(store, [this](const char* why) noexcept { failed(why); });
  });
}

void redis_broker_state::tick(std::int64_t number) {
  if (!ticks_.fired(number)) return;
  auto now = clock_now();
  for (const auto& [link, why] : sockets_.stalled(now)) {
    sockets_.end(link);
    node_.closed(link, why, now);
  }
  node_.tick(now);
}

// A dial that hangs is given up by the connector, so each dial_link event has one report.
void redis_broker_state::handle(const redis::dial_link& event) {
  connector_->connect(
    {.target = server_, .deadline = after(clock_now(), options_.limits.connect_timeout)},
    [weak = self_->address(), link = event.link](result<connected_socket> socket) {
      send_if_alive(weak, dialled_atom::value, link,
                    std::make_shared<result<connected_socket>>(std::move(socket)));
    });
}

void redis_broker_state::handle(const redis::end_link& event) { sockets_.end(event.link); }

void redis_broker_state::handle(const redis::connection_news& event) {
  if (event.outcome) log_.tell("connected", to_string(server_), "");
  connecting_.answer(event.outcome, false);
}

void redis_broker_state::handle(redis::call_finished& event) {
  auto caller = callers_.take(event.token);
  deliver(caller, std::move(event.outcome));
}

void redis_broker_state::handle(redis::execute_task& event) {
  // The captured reservation counts the bytes of the arguments until the worker destroys this
  // lambda.
  auto back = [to = answers_, place = answers_->box.make_place(event.id),
               reservation = std::move(event.reservation)](result<value> r) mutable {
    to->put(std::move(place), std::move(r));
  };
  tasks_.add(make_task(event.entry, std::move(event.args), event.deadline,
                       reply{std::move(back), errc::shut_down, std::move(event.stop)},
                       {self_->id(), 0}));
}

void redis_broker_state::handle(redis::names_listed& event) {
  auto caller = callers_.take(event.token);
  if (event.names) caller.promise.deliver(std::move(*event.names));
  else caller.promise.deliver(to_caf(event.names.error()));
}

void redis_broker_state::handle(const redis::pong& event) {
  auto caller = callers_.take(event.token);
  if (event.outcome) caller.promise.deliver(caf::unit);
  else caller.promise.deliver(to_caf(event.outcome.error()));
}

void redis_broker_state::handle(const redis::log_line& event) {
  log_.warn(event.event, to_string(server_), event.reason);
}

// An event that fails, out of memory, must not stop the other events, and must not leave the state
// machine waiting for a report.
void redis_broker_state::handle_events() {
  auto give_up = [this](const redis::event& event, const char* why) {
    error internal{errc::protocol, why, {}};
    log_.warn("failed", to_string(server_), why);
    if (const auto* dial = std::get_if<redis::dial_link>(&event))
      node_.closed(dial->link, internal, clock_now());
    if (const auto* task = std::get_if<redis::execute_task>(&event))
      node_.answer(task->id,
                   redis::write_reply(tl::unexpected(internal), answers_->form.types,
                                      answers_->form.max_bytes),
                   clock_now());
  };
  redis::events events;
  for (node_.take_events(events); !events.empty(); node_.take_events(events)) {
    for (auto& event : events) {
      try {
        std::visit([this](auto& e) { handle(e); }, event);
      } catch (const std::exception& e) {
        give_up(event, e.what());
      }
    }
    events.clear();
  }
}

void redis_broker_state::flush() {
  handle_events();
  tasks_.submit();
  write_output();
  quit_if_drained();
  auto next = std::min(node_.next_deadline(), drain_.until);
  if (sockets_.may_stall()) next = std::min(next, clock_now() + std::chrono::seconds{1});
  ticks_.arm(self_, next);
}

void redis_broker_state::write_output() {
  std::vector<redis::link_number> links;
  node_.links(links);
  auto now = clock_now();
  std::string out;
  for (auto link : links) {
    for (node_.take_output(link, out, now); !out.empty(); node_.take_output(link, out, now)) {
      apply(link, sockets_.write(link, out));
      if (node_.is_logging_in(link)) wipe(out);
      out.clear();
    }
  }
}

void redis_broker_state::apply(redis::link_number link, const net::backlog_change& change) {
  if (change.congestion_changed)
    node_.set_congested(link, sockets_.is_congested(link), clock_now());
  if (!change.overflowed) return;
  sockets_.end(link);
  node_.closed(link,
               {errc::connect_failed, "the server does not read", {}, limit::write_buffer_bytes},
               clock_now());
}

void redis_broker_state::failed(const char* why) noexcept {
  try {
    log_.warn("failed", "", why);
    // The handler may have stopped in the middle of a command, so no connection can be trusted.
    for (auto link : sockets_.links()) {
      sockets_.end(link);
      node_.closed(link, {errc::protocol, why, {}}, clock_now());
    }
    flush();
  } catch (...) { // there is not even memory for the log line
  }
}

} // namespace patio
