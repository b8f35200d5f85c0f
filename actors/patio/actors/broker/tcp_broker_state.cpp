#include <patio/actors/broker/tcp_broker_state.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <new>

#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/os/clock.hpp>
#include <patio/base/digest.hpp>
#include <patio/protocol/login.hpp>

namespace patio {
namespace {

constexpr std::size_t smallest_burst = 16; // calls that are written before the mailbox is empty
constexpr std::size_t kept_room = 262'144; // bytes of an output buffer that was larger once

mesh::node_options to_node_options(const tcp_options& o) {
  auto seed = random_bytes(8);
  std::uint64_t number = 0;
  for (char c : seed) number = (number << 8) | static_cast<unsigned char>(c);
  return {.key = o.key,
          .limits = o.limits,
          .route = o.route,
          .seed = number,
          .keys = o.keys,
          .rules = o.rules,
          .types = o.types,
          .decode_apart = large_payload};
}

} // namespace

tcp_broker_state::tcp_broker_state(caf::io::broker* self, executor exec, tcp_options options,
                                   std::optional<tls::context> tls)
    : self_{self}, executor_{std::move(exec)}, options_{std::move(options)},
      types_{std::make_shared<const python_types>(options_.types)}, tls_{std::move(tls)},
      node_{to_node_options(options_), executor_.functions(), *this},
      warnings_{options_.limits.log_lines}, news_{options_.limits.log_lines},
      decoder_{options_.limits.decode_timeout}, connector_{std::in_place,
                                                           options_.limits.accept_retry_delay} {}

// However the actor ends, every caller is answered.
tcp_broker_state::~tcp_broker_state() {
  node_.shut_down({errc::shut_down, {}, {}});
  for (auto& [number, d] : dials_)
    if (d.promise.pending()) d.promise.deliver(to_caf({errc::shut_down, {}, {}}));
  connector_.reset(); // whoever waits for the end may listen on the same port at once
  for (auto& j : joiners_) j.deliver(caf::unit);
}

connection_id tcp_broker_state::number_of(caf::io::connection_handle hdl) const noexcept {
  auto at = ids_.find(hdl.id());
  return at == ids_.end() ? 0 : at->second;
}

void tcp_broker_state::give_up(connection_id about, const char* why) noexcept {
  try {
    auto at = links_.find(about);
    if (at == links_.end()) return warn("failed", "node:", why);
    node_.close(about, {errc::protocol, why, {}}, at->second.sent);
  } catch (...) { // there is not even memory to say so
  }
}

void tcp_broker_state::open(unique_fd fd, role side, std::uint64_t dial) {
  tune(fd.get(), options_.limits);
  auto peer = remote_endpoint(fd.get());
  if (peer.port == 0) { // reset before it was taken over
    if (dial != 0)
      dial_failed(dial, {errc::connect_failed, "the peer reset the connection at once", {}});
    return;
  }
  auto where = to_string(peer);
  std::unique_ptr<tls::engine> tls;
  if (tls_ && side == role::server) tls = tls_->accept(options_.limits.tls_handshake_bytes);
  if (tls_ && side == role::client) {
    auto engine = tls_->connect(dials_.at(dial).target.where.host);
    if (!engine) return dial_failed(dial, engine.error());
    tls = std::move(*engine);
  }
  auto hdl = self_->add_scribe(fd.release());
  auto id = node_.open(
    side, where, random_bytes(side == role::server ? protocol::token_size : protocol::salt_size),
    clock_now(), std::move(tls));
  links_[id] = {.hdl = hdl, .address = where, .dial = dial};
  ids_[hdl.id()] = id;
  self_->configure_read(hdl, caf::io::receive_policy::at_most(link::smallest_read));
  self_->ack_writes(hdl, true);
  flush();
}

void tcp_broker_state::on_transferred(const caf::io::data_transferred_msg& msg) {
  auto at = ids_.find(msg.handle.id());
  if (at == ids_.end()) return;
  note_backlog(at->second, links_[at->second], msg.remaining);
  if (draining_) end_if_drained();
}

// Bytes that the peer has not read yet: a few are normal, many make it wait, and too many or too
// long end its connection.
void tcp_broker_state::note_backlog(connection_id id, link& l, std::size_t bytes) {
  if (bytes < l.in_caf || l.in_caf == 0) l.moved_at = clock_now();
  l.in_caf = bytes;
  if (bytes == 0) backlogged_.erase(id);
  else backlogged_.insert(id);
  if (bool congested = bytes > options_.limits.high_water_bytes;
      std::exchange(l.congested, congested) != congested)
    node_.congested(id, congested);
  if (bytes > options_.limits.write_buffer_bytes)
    node_.close(id,
                {errc::protocol,
                 "the peer does not read: " + std::to_string(bytes) + " bytes wait for it",
                 {},
                 limit::write_buffer_bytes},
                l.sent);
}

void tcp_broker_state::cut_stalled() {
  auto now = clock_now();
  auto waiting = std::vector(backlogged_.begin(), backlogged_.end());
  for (auto id : waiting)
    if (auto at = links_.find(id);
        at != links_.end() && now - at->second.moved_at >= options_.limits.write_stall_timeout)
      node_.close(id,
                  {errc::protocol,
                   "the peer does not read: nothing of " + std::to_string(at->second.in_caf)
                     + " bytes left in time",
                   {},
                   limit::write_stall_timeout},
                  at->second.sent);
}

void tcp_broker_state::on_socket_closed(caf::io::connection_handle hdl) {
  auto at = ids_.find(hdl.id());
  if (at == ids_.end()) return;
  auto id = at->second;
  ids_.erase(at);
  auto& l = links_[id];
  if (l.in_caf > 0)
    hang_up(
      l,
      true); // CAF would keep the socket until a peer that has ended the stream has read all of it
  l.is_open = false;
  l.in_caf = 0;
  while (links_.contains(id) && !l.unread.empty()) take_unread(id);
  if (!links_.contains(id)) return;
  backlogged_.erase(id);
  node_.close_at_end(id, l.sent);
  flush();
}

void tcp_broker_state::flush() {
  flush_scheduled_ = false;
  unwritten_ = 0;
  burst_ = smallest_burst;
  write_dirty();
  if (draining_) end_if_drained();
  arm();
}

void tcp_broker_state::write_dirty() {
  for (auto id : node_.take_dirty())
    guarded(id, [&] {
      if (auto at = links_.find(id); at != links_.end()) write(id, at->second);
    });
}

// Once for all messages that are in the mailbox now; of a long queue the first are written before,
// so that the peer works on them meanwhile.
void tcp_broker_state::schedule_flush() {
  if (!flush_scheduled_) self_->send(self_, flush_atom::value);
  flush_scheduled_ = true;
  if (++unwritten_ < burst_) return;
  unwritten_ = 0;
  burst_ *= 2;
  write_dirty();
}

// Straight to the socket while CAF holds nothing back for it: that spares an epoll round for each
// answer.
void tcp_broker_state::write(connection_id id, link& l) {
  auto* out = node_.output(id);
  if (!out || out->empty()) return;
  if (!l.is_open) return out->clear();
  std::size_t direct = 0;
  if (l.in_caf == 0) {
    auto n =
      ::send(static_cast<int>(l.hdl.id()), out->data(), out->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) direct = static_cast<std::size_t>(n);
  }
  if (direct < out->size()) {
    try {
      self_->write(l.hdl, out->size() - direct, out->data() + direct);
    } catch (const std::bad_alloc&) { // what has left has left
      l.sent += direct;
      node_.taken(id, direct);
      out->erase(0, direct);
      throw;
    }
    self_->flush(l.hdl);
  }
  auto behind = l.in_caf + out->size() - direct;
  l.sent += out->size();
  node_.taken(id, out->size());
  out->clear();
  if (out->capacity() > kept_room) out->shrink_to_fit();
  if (behind > 0) note_backlog(id, l, behind);
}

// Not by CAF's close, which waits for a peer that may never read, and forgets a descriptor that its
// poller has not got yet. CAF finds a socket that was shut down at its end, and closes it then.
void tcp_broker_state::hang_up(link& l, bool abort) {
  if (!l.is_open) return;
  auto fd = static_cast<int>(l.hdl.id());
  if (abort) {
    linger hard{1, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  (void)::shutdown(fd, SHUT_RDWR);
  resume(l);
}

void tcp_broker_state::on_peer(const peer_info& peer) {
  auto& l = links_[peer.id];
  l.ready_at = clock_now();
  std::string proved;
  for (const auto& name : peer.proved) proved += " name=" + printable(name);
  tell(peer.address, "event=connected peer=" + peer.address + proved
                       + " functions=" + std::to_string(peer.names.size()));
  if (auto at = dials_.find(l.dial); at != dials_.end()) {
    if (at->second.promise.pending()) at->second.promise.deliver(peer);
  }
}

void tcp_broker_state::on_closed(connection_id id, const error& why) {
  auto at = links_.find(id);
  if (at == links_.end()) return;
  auto waits = at->second.in_caf > 0;
  try {
    if (!waits) write(id, at->second); // a last word, such as why a frame was refused
  } catch (const std::bad_alloc&) {    // it goes without
  }
  auto taken = links_.extract(at);
  auto& l = taken.mapped();
  backlogged_.erase(id);
  if (l.is_open) ids_.erase(l.hdl.id());
  hang_up(l, waits);
  decoder_.withdraw(id);
  constexpr auto settled =
    std::chrono::seconds{1}; // a peer that logs in and leaves at once is not worth dialling at once
  if (auto d = dials_.find(l.dial);
      d != dials_.end() && l.ready_at != never && clock_now() - l.ready_at > settled) {
    d->second.backoff.succeeded();
    d->second.reported = false;
  }
  if (l.dial != 0 && !draining_) return dial_failed(l.dial, why);
  bool fault = why.code == errc::protocol || why.code == errc::login_refused;
  try {
    if (fault) warn("closed", l.address, to_string(why));
    else
      tell(l.address,
           "event=closed peer=" + l.address + " reason=\"" + printable(why.message) + "\"");
  } catch (const std::bad_alloc&) { // the node, which has yet to forget the connection, comes
                                    // before its log
  }
}

void tcp_broker_state::on_log(std::string_view peer, std::string text) {
  warn("refused", std::string{peer}, text);
}

void tcp_broker_state::warn(std::string_view event, const std::string& peer,
                            std::string_view reason) {
  note(log_level::warning, warnings_, peer,
       "event=" + std::string{event} + " peer=" + peer + " reason=\"" + printable(reason) + "\"");
}

void tcp_broker_state::tell(const std::string& peer, const std::string& line) {
  note(log_level::info, news_, peer, line);
}

// A peer comes with another port each time, so its network is what is counted; and a crowd may have
// many of those.
void tcp_broker_state::note(log_level level, log_budget& budget, const std::string& peer,
                            std::string line) {
  if (!is_logged(level)) return;
  auto now = clock_now();
  if (!budget.of_one.allow(network_of(peer), now) || !budget.of_all.allow("", now)) return;
  if (auto hidden = budget.of_one.take_refused() + budget.of_all.take_refused(); hidden > 0)
    line += " lines_left_out=" + std::to_string(hidden);
  log(level, line);
}

void tcp_broker_state::arm() {
  ask_for_turn(); // there may have been no memory for it
  auto next = std::min(node_.next_deadline(), drain_until_);
  if (!backlogged_.empty()) next = std::min(next, clock_now() + std::chrono::seconds{1});
  ticks_.arm(self_, next);
}

void tcp_broker_state::tick(std::int64_t number) {
  if (!ticks_.fired(number)) return;
  node_.tick(clock_now());
  cut_stalled();
  flush();
}

} // namespace patio
