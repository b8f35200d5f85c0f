#include <patio/actors/broker/node_driver.hpp>

#include <algorithm>
#include <utility>

#include <patio/actors/caf/weak_send.hpp>

// Reading: the order in which the connections' bytes are processed, so that no connection delays
// the others for long.
namespace patio {
namespace {

constexpr std::size_t smallest_slice = 512, largest_slice = 4096;

} // namespace

// A connection that has spent its share of this thread's time waits until the other connections
// have had their turn. Its stream is paused meanwhile, because the end of the stream must not be
// handled before the bytes in front of it.
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
  if (c.unread.empty()) c.unread.swap(buffers_.unread);
  c.unread += unread;
  c.stream.pause();
  if (c.unread.size() == unread.size())
    turns_.defer([this, id] { guarded(id, [&] { process_deferred(id); }); });
}

void node_driver::process_deferred(connection_id id) {
  auto* c = sockets_.find(id);
  if (!c || c->unread.empty()) return;
  auto bytes = std::exchange(c->unread, {});
  process(id, bytes);
  bytes.clear();
  if (bytes.capacity() <= kept_capacity) buffers_.unread = std::move(bytes);
  resume_reading(id);
}

void node_driver::process(connection_id id, std::string_view bytes) {
  auto begun = clock_now(), now = begun;
  // Processes the bytes in slices, so that the peer gets the first answers early.
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

// Does not resume while bytes wait or a payload is being decoded: further bytes would only fill
// memory.
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
  node_.tick(clock_now()); // calls that lose their peer may wait for another from now on
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
