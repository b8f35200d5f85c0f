#include <patio/actors/broker/node_driver.hpp>

#include <algorithm>
#include <utility>

#include <patio/actors/caf/weak_send.hpp>

// Reading: which bytes are processed when, so that connections do not make each other wait.
namespace patio {
namespace {

constexpr std::size_t smallest_slice = 512, largest_slice = 4096;

} // namespace

// A connection that has lately taken more than its share of this thread's time waits behind the
// others, if there are any. The stream is not read meanwhile: its end must not be seen before the
// bytes in front of the end are processed.
void node_driver::on_data(connection_id id, caf::io::new_data_msg& msg) {
  auto* c = sockets_.find(id);
  if (!c) return;
  auto bytes = c->stream.received(msg);
  auto now = clock_now();
  turns_.heard(id, now);
  if (c->unread.empty() && turns_.may_run(c->share, now)) process(id, bytes);
  else defer(id, *c, bytes);
}

void node_driver::defer(connection_id id, peer_socket& c, std::string_view unread) {
  c.unread += unread;
  c.stream.pause();
  if (c.unread.size() == unread.size())
    turns_.defer([this, id] { guarded(id, [&] { process_deferred(id); }); });
}

void node_driver::process_deferred(connection_id id) {
  auto* c = sockets_.find(id);
  if (!c || c->unread.empty()) return;
  process(id, std::exchange(c->unread, {}));
  resume_reading(id);
}

void node_driver::process(connection_id id, std::string_view bytes) {
  auto begun = clock_now(), now = begun;
  // In a few slices, so that the peer has the first answers while the last requests are processed.
  auto slice = std::clamp(bytes.size() / 4, smallest_slice, largest_slice);
  auto rest = bytes;
  for (; !rest.empty() && now - begun < net::longest_turn; now = clock_now()) {
    for (bool more = node_.receive(id, rest.substr(0, slice), now); more; more = node_.next(id))
      handle_events();
    handle_events();
    write_dirty();
    rest.remove_prefix(std::min(slice, rest.size()));
  }
  if (auto* c = sockets_.find(id)) {
    turns_.account_time(c->share, begun, now);
    c->stream.adapt_read_size(bytes.size(), now - begun);
    if (!rest.empty()) defer(id, *c, rest);
  }
  flush();
}

// While bytes wait, or a payload is being decoded, more bytes would only fill memory.
void node_driver::resume_reading(connection_id id) {
  auto* c = sockets_.find(id);
  if (c && c->unread.empty() && !node_.is_decoding(id)) c->stream.resume();
}

void node_driver::on_socket_closed(connection_id id) {
  auto* c = sockets_.find(id);
  if (!c) return;
  sockets_.forget_handle(c->stream.handle());
  c->stream.closed();
  for (; c && !c->unread.empty(); c = sockets_.find(id)) process_deferred(id);
  if (!c) return;
  sockets_.track_backlog(id, c->stream);
  node_.close_at_end(id, c->stream.sent_bytes());
  flush();
}

void node_driver::decode(connection_id id, std::unique_ptr<protocol::decode_job> job) {
  if (auto* c = sockets_.find(id)) c->stream.pause();
  decoder_.run(id, std::move(job), [weak = self_->address(), id](const decoder::job& done) {
    send_if_alive(weak, decoded_atom::value, id, done);
  });
}

void node_driver::on_decoded(connection_id id, decoder::job job) {
  auto begun = clock_now();
  decoder_.taken();
  for (bool more = node_.decoded(id, *job, begun); more; more = node_.next(id)) handle_events();
  handle_events();
  decoder_.discard(std::move(job)); // its last owner
  resume_reading(id);
  if (auto* c = sockets_.find(id)) turns_.account_time(c->share, begun, clock_now());
  flush();
}

} // namespace patio
