#include <patio/actors/broker/node_driver.hpp>

#include <algorithm>
#include <new>
#include <utility>

#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <patio/actors/caf/weak_send.hpp>
#include <patio/base/digest.hpp>
#include <patio/protocol/login.hpp>

namespace patio {
namespace {

constexpr std::size_t smallest_burst = 16; ///< see pending_writes

/// Returns the connection to close if the event cannot be handled, or 0.
connection_id connection_of(const mesh::node_event& event) noexcept {
  if (const auto* execute = std::get_if<mesh::execute_call>(&event)) return execute->work.id.from;
  if (const auto* ready = std::get_if<mesh::peer_ready>(&event)) return ready->peer.id;
  if (const auto* decode = std::get_if<mesh::decode_payload>(&event)) return decode->id;
  return 0;
}

// Posts a function to the I/O loop. A message from the broker to itself would be handled before the
// loop polls the sockets again.
turn_queue::ask_function post_turns_to(caf::io::broker* self) {
  return [self](const std::shared_ptr<bool>& asked) {
    self->system().middleman().backend().post([weak = self->address(), asked] {
      try {
        send_if_alive(weak, turn_atom::value);
      } catch (const std::bad_alloc&) { // the next flush asks again
        *asked = false;
      }
    });
  };
}

error does_not_read(const std::string& what, limit exceeded) {
  return {errc::protocol, "the peer does not read: " + what, {}, exceeded};
}

} // namespace

node_driver::node_driver(caf::io::broker* self, mesh::node_options options, registry functions,
                         event_handler handle, hand_over_function hand_over, peer_log& log)
    : self_{self}, limits_{options.limits}, node_{std::move(options), std::move(functions)},
      handle_{std::move(handle)}, hand_over_{std::move(hand_over)}, log_{log},
      turns_{post_turns_to(self)}, decoder_{limits_.decode_timeout} {}

void node_driver::give_up(connection_id about, const char* why) noexcept {
  try {
    auto* c = sockets_.find(about);
    if (!c) return log_.warn("failed", "", why);
    node_.close(about, {errc::protocol, why, {}}, c->stream.sent_bytes());
    pending_.ask_for_flush(self_);
  } catch (...) { // there is not even memory for the error
  }
}

void node_driver::open(unique_fd fd, role side, std::string address,
                       std::unique_ptr<tls::engine> tls, std::uint64_t dial) {
  net::stream stream{
    self_,
    std::move(fd),
    {limits_.high_water_bytes, limits_.write_buffer_bytes, limits_.write_stall_timeout}};
  auto nonce = random_bytes(side == role::server ? protocol::token_size : protocol::salt_size);
  auto id = node_.open(side, address, std::move(nonce), clock_now(), std::move(tls));
  sockets_.add(id, {std::move(stream), std::move(address), dial, time_share{clock_now()}});
  flush();
}

// A handler may call the node again. The loop handles the events of that nested call after the
// events that are already queued.
void node_driver::handle_events() noexcept {
  if (std::exchange(buffers_.is_handling_events, true)) return;
  auto& events = buffers_.events;
  buffers_.is_first_round = true;
  for (node_.take_events(events); !events.empty(); node_.take_events(events)) {
    for (auto& event : events) contain(connection_of(event), [&] { handle_(event); });
    events.clear();
    buffers_.is_first_round = false;
  }
  buffers_.is_handling_events = false;
}

std::optional<peer_socket> node_driver::end(connection_id id, std::string_view last_bytes) {
  auto* c = sockets_.find(id);
  if (!c) return {};
  bool waits = c->stream.backlog_bytes() > 0 || c->has_gap;
  // The last bytes may tell the peer why a frame was refused. If there is no memory to send them,
  // the connection ends without them.
  if (!waits && !last_bytes.empty() && c->stream.is_open()) (void)c->stream.write(last_bytes);
  auto ended = sockets_.take(id);
  if (waits) ended.stream.abort();
  else ended.stream.hang_up();
  decoder_.withdraw(id);
  return ended;
}

void node_driver::on_transferred(connection_id id, const caf::io::data_transferred_msg& msg) {
  auto* c = sockets_.find(id);
  if (!c) return;
  apply(id, *c, c->stream.transferred(msg));
  if (drain_.begun) quit_if_drained();
}

// Applies the two limits of the backlog. Above high_water_bytes, the node refuses the peer's
// requests and calls to the peer. Above write_buffer_bytes, the connection ends.
void node_driver::apply(connection_id id, const peer_socket& c, const net::backlog_change& change) {
  sockets_.track_backlog(id, c.stream);
  if (!change.congestion_changed && !change.overflowed) return;
  node_.tick(clock_now()); // waiting calls take another route from now on
  pending_.ask_for_flush(self_);
  if (change.congestion_changed) node_.congested(id, c.stream.is_congested());
  if (!change.overflowed) return;
  auto waiting = std::to_string(c.stream.backlog_bytes());
  node_.close(id, does_not_read(waiting + " bytes wait for it", limit::write_buffer_bytes),
              c.stream.sent_bytes());
}

void node_driver::flush() {
  handle_events();
  pending_ = {false, 0, smallest_burst};
  write_dirty();
  if (drain_.begun) quit_if_drained();
  turns_.ask_for_turn(); // an earlier attempt may have found no memory
  auto next = std::min(node_.next_deadline(), drain_.until);
  if (sockets_.has_backlog()) next = std::min(next, clock_now() + std::chrono::seconds{1});
  ticks_.arm(self_, next);
}

void node_driver::pending_writes::ask_for_flush(caf::io::broker* self) {
  if (!flush_scheduled) self->send(self, flush_atom::value);
  flush_scheduled = true;
}

// Writes the first calls of a long mailbox before the flush, so that the peer can already work on
// them.
void node_driver::schedule_flush() {
  handle_events();
  pending_.ask_for_flush(self_);
  if (++pending_.calls < pending_.burst) return;
  pending_.calls = 0;
  pending_.burst *= 2;
  write_dirty();
}

void node_driver::write_dirty() {
  hand_over_();
  auto ids = std::move(buffers_.dirty);
  node_.take_dirty(ids);
  for (auto id : ids)
    contain(id, [&] {
      if (auto* c = sockets_.find(id)) write(id, *c);
    });
  ids.clear();
  buffers_.dirty = std::move(ids);
}

void node_driver::write(connection_id id, peer_socket& c) {
  auto& out = buffers_.output;
  out.clear();
  node_.take_output(id, out);
  if (out.empty() || !c.stream.is_open()) return;
  auto [accepted, change] = c.stream.write(out);
  c.has_gap = accepted < out.size();
  if (c.has_gap) throw std::bad_alloc{};
  if (out.capacity() > kept_capacity) std::string{}.swap(out);
  if (c.stream.backlog_bytes() > 0) apply(id, c, change);
}

void node_driver::tick(std::int64_t number) {
  if (!ticks_.fired(number)) return;
  node_.tick(clock_now());
  for (auto id : sockets_.stalled(clock_now())) {
    auto* c = sockets_.find(id);
    if (!c) continue;
    auto waiting = std::to_string(c->stream.backlog_bytes());
    node_.close(id,
                does_not_read("none of " + waiting + " bytes could be sent in time",
                              limit::write_stall_timeout),
                c->stream.sent_bytes());
  }
  flush();
}

void node_driver::begin_drain(instant until) {
  drain_.begun = true;
  drain_.until = until;
  node_.go_away();
  flush();
}

// Quits once the node is drained and every byte has been sent, or at the end of the drain timeout.
void node_driver::quit_if_drained() {
  if (drain_.ended) return;
  bool drained = node_.is_drained() && !sockets_.has_backlog();
  if (!drained && clock_now() < drain_.until) return;
  drain_.ended = true;
  self_->quit();
}

} // namespace patio
