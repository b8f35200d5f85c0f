#include <patio/actors/tcp_shell.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <new>

#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <patio/actors/caf_error.hpp>
#include <patio/actors/time.hpp>
#include <patio/digest.hpp>
#include <patio/login.hpp>

namespace patio {
namespace {

constexpr std::size_t smallest_read = 4096, largest_read = 65'536, smallest_slice = 512, largest_slice = 4096;
constexpr std::chrono::microseconds longest_turn{500}; // of one connection, for which all others wait
constexpr std::chrono::microseconds turn{200};         // for what waits in later_, between two looks at the sockets
constexpr std::chrono::milliseconds lonely_after{5};   // of hearing one connection only, it need not wait for others
constexpr std::size_t smallest_burst = 16;             // calls that are written before the mailbox is empty

node_options to_node_options(const tcp_options& o) {
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

tcp_shell::tcp_shell(caf::io::broker* self, executor exec, tcp_options options, std::optional<tls_context> tls)
    : self_{self}, executor_{std::move(exec)}, options_{std::move(options)}, types_{std::make_shared<const python_types>(options_.types)},
      tls_{std::move(tls)}, node_{to_node_options(options_), executor_.functions(), *this}, warnings_{options_.limits.log_lines},
      news_{options_.limits.log_lines}, decoder_{options_.limits.decode_wait}, connector_{std::in_place, options_.limits.accept_pause} {}

// However the actor ends, every caller is answered.
tcp_shell::~tcp_shell() {
  node_.shut_down({errc::shut_down, {}, {}});
  for (auto& [number, d] : dials_)
    if (d.promise.pending()) d.promise.deliver(to_caf({errc::shut_down, {}, {}}));
  connector_.reset(); // whoever waits for the end may listen on the same port at once
  for (auto& j : joiners_) j.deliver(caf::unit);
}

connection_id tcp_shell::number_of(caf::io::connection_handle hdl) const noexcept {
  auto at = ids_.find(hdl.id());
  return at == ids_.end() ? 0 : at->second;
}

void tcp_shell::give_up(connection_id about, const char* why) noexcept {
  try {
    auto at = links_.find(about);
    if (at == links_.end()) return warn("failed", "node:", why);
    node_.close(about, {errc::protocol, why, {}}, at->second.sent);
  } catch (...) { // there is not even memory to say so
  }
}

void tcp_shell::open(unique_fd fd, role side, std::uint64_t dial) {
  tune(fd.get(), options_.limits);
  auto peer = remote_endpoint(fd.get());
  if (peer.port == 0) { // reset before it was taken over
    if (dial != 0) dial_failed(dial, {errc::connect_failed, "the peer reset the connection at once", {}});
    return;
  }
  auto where = to_string(peer);
  std::unique_ptr<tls_engine> tls;
  if (tls_ && side == role::server) tls = tls_->accept();
  if (tls_ && side == role::client) {
    auto engine = tls_->connect(dials_.at(dial).target.where.host);
    if (!engine) return dial_failed(dial, engine.error());
    tls = std::move(*engine);
  }
  auto hdl = self_->add_scribe(fd.release());
  auto id = node_.open(side, where, random_bytes(side == role::server ? token_size : salt_size), clock_now(), std::move(tls));
  links_[id] = {.hdl = hdl, .address = where, .read_size = smallest_read, .next_read_size = smallest_read, .dial = dial};
  ids_[hdl.id()] = id;
  self_->configure_read(hdl, caf::io::receive_policy::at_most(smallest_read));
  self_->ack_writes(hdl, true);
  flush();
}

// Who has lately taken more than its share of this thread's time waits behind the others, if there are any. It is not read from
// meanwhile, so that the end of its stream is not seen before what came in front of it.
void tcp_shell::on_data(caf::io::new_data_msg& msg) {
  auto at = ids_.find(msg.handle.id());
  if (at == ids_.end()) return;
  auto id = at->second;
  auto& l = links_.at(id);
  set_read_size(l, msg.buf);
  std::string_view bytes{msg.buf.data(), msg.buf.size()};
  auto now = clock_now();
  if (std::exchange(last_heard_, id) != id) shared_until_ = now + lonely_after;
  if (l.unread.empty() && (now >= shared_until_ || !l.share.is_spent(now))) take_in(id, bytes);
  else do_later(id, l, bytes);
}

void tcp_shell::do_later(connection_id id, link& l, std::string_view unread) {
  l.unread += unread;
  pause(l);
  if (l.unread.size() == unread.size()) do_later([this, id] { guarded(id, [&] { take_unread(id); }); });
}

void tcp_shell::take_unread(connection_id id) {
  auto at = links_.find(id);
  if (at == links_.end() || at->second.unread.empty()) return;
  take_in(id, std::exchange(at->second.unread, {}));
  go_on(id);
}

// Sockets and messages get their turn between two of these; a message to oneself would be the next.
void tcp_shell::do_later(std::function<void()> what) {
  later_.push_back(std::move(what));
  ask_for_turn();
}

void tcp_shell::ask_for_turn() {
  if (later_.empty() || *has_asked_for_turn_) return;
  self_->system().middleman().backend().post([weak = self_->address(), asked = has_asked_for_turn_] {
    try {
      if (auto strong = caf::actor_cast<caf::actor>(weak)) caf::anon_send(strong, turn_atom::value);
    } catch (const std::bad_alloc&) { // whatever comes next asks again, at the latest a tick
      *asked = false;
    }
  });
  *has_asked_for_turn_ = true;
}

void tcp_shell::take_turn() {
  for (auto end = clock_now() + turn; !later_.empty() && clock_now() < end;) {
    auto what = std::move(later_.front());
    later_.pop_front();
    what();
  }
  *has_asked_for_turn_ = false;
  ask_for_turn();
}

void tcp_shell::take_in(connection_id id, std::string_view bytes) {
  auto begun = clock_now(), now = begun;
  // In a few slices, so that the peer gets the first answers while the last requests are being read.
  auto slice = std::clamp(bytes.size() / 4, smallest_slice, largest_slice);
  auto rest = bytes;
  for (; !rest.empty() && now - begun < longest_turn; now = clock_now()) {
    node_.receive(id, rest.substr(0, slice), now);
    write_dirty();
    rest.remove_prefix(std::min(slice, rest.size()));
  }
  if (auto at = links_.find(id); at != links_.end()) {
    if (now < shared_until_) at->second.share.took(now - begun, now);
    adapt_read_size(at->second, bytes.size(), now - begun);
    if (!rest.empty()) do_later(id, at->second, rest);
  }
  flush();
}

void tcp_shell::adapt_read_size(link& l, std::size_t got, std::chrono::nanoseconds took) {
  auto wanted = l.read_size;
  if (took >= longest_turn || got * 8 < l.read_size) wanted = std::max(l.read_size / 2, smallest_read);
  else if (got == l.read_size && took < longest_turn / 4) wanted = std::min(l.read_size * 4, largest_read);
  l.next_read_size = wanted;
}

// The buffer is CAF's for this connection, which grows it where no exception may pass.
void tcp_shell::set_read_size(link& l, std::vector<char>& buffer) {
  if (l.read_size == l.next_read_size) return;
  buffer.reserve(l.next_read_size);
  self_->configure_read(l.hdl, caf::io::receive_policy::at_most(l.next_read_size));
  l.read_size = l.next_read_size;
}

// What comes behind it would only be kept.
void tcp_shell::on_decode(connection_id id, std::unique_ptr<decode_job> job) {
  pause(links_.at(id));
  decoder_.run(id, std::move(job), [weak = self_->address(), id](const decoder::job& done) {
    if (auto strong = caf::actor_cast<caf::actor>(weak)) caf::anon_send(strong, decoded_atom::value, id, done);
  });
}

void tcp_shell::on_decoded(connection_id id, decoder::job job) {
  auto begun = clock_now();
  decoder_.taken();
  node_.decoded(id, *job, begun);
  decoder_.discard(std::move(job)); // its last owner
  go_on(id);
  flush();
  auto now = clock_now();
  if (auto at = links_.find(id); at != links_.end() && now < shared_until_) at->second.share.took(now - begun, now);
}

void tcp_shell::pause(link& l) {
  if (l.is_open && !std::exchange(l.is_paused, true)) self_->halt(l.hdl);
}

void tcp_shell::go_on(connection_id id) {
  if (auto at = links_.find(id); at != links_.end() && at->second.unread.empty() && !node_.is_decoding(id)) resume(at->second);
}

// CAF forgets a trigger in the same round of its loop as the halt, so this comes in the next one.
void tcp_shell::resume(link& l) {
  if (!l.is_paused || !l.is_open) return;
  auto trigger = [self = caf::actor_cast<caf::strong_actor_ptr>(self_), broker = self_, hdl = l.hdl] { broker->trigger(hdl); };
  self_->system().middleman().backend().post(std::move(trigger));
  l.is_paused = false;
}

void tcp_shell::on_transferred(const caf::io::data_transferred_msg& msg) {
  auto at = ids_.find(msg.handle.id());
  if (at == ids_.end()) return;
  note_backlog(at->second, links_[at->second], msg.remaining);
  if (draining_) end_if_drained();
}

// Bytes that the peer has not read yet: a few are normal, many make it wait, and too many or too long end its connection.
void tcp_shell::note_backlog(connection_id id, link& l, std::size_t bytes) {
  if (bytes < l.in_caf || l.in_caf == 0) l.moved_at = clock_now();
  l.in_caf = bytes;
  if (bytes == 0) backlogged_.erase(id);
  else backlogged_.insert(id);
  if (bool congested = bytes > options_.limits.high_water; std::exchange(l.congested, congested) != congested)
    node_.congested(id, congested);
  if (bytes > options_.limits.write_buffer)
    node_.close(id, {errc::protocol, "the peer does not read: " + std::to_string(bytes) + " bytes wait for it", {}, limit::write_buffer},
                l.sent);
}

void tcp_shell::cut_stalled() {
  auto now = clock_now();
  auto waiting = std::vector(backlogged_.begin(), backlogged_.end());
  for (auto id : waiting)
    if (auto at = links_.find(id); at != links_.end() && now - at->second.moved_at >= options_.limits.write_stall)
      node_.close(id,
                  {errc::protocol,
                   "the peer does not read: nothing of " + std::to_string(at->second.in_caf) + " bytes left in time",
                   {},
                   limit::write_stall},
                  at->second.sent);
}

void tcp_shell::on_socket_closed(caf::io::connection_handle hdl) {
  auto at = ids_.find(hdl.id());
  if (at == ids_.end()) return;
  auto id = at->second;
  ids_.erase(at);
  auto& l = links_[id];
  if (l.in_caf > 0) hang_up(l, true); // CAF would keep the socket until a peer that has ended the stream has read all of it
  l.is_open = false;
  l.in_caf = 0;
  while (links_.contains(id) && !l.unread.empty()) take_unread(id);
  if (!links_.contains(id)) return;
  backlogged_.erase(id);
  node_.close_at_end(id, l.sent);
  flush();
}

void tcp_shell::flush() {
  flush_scheduled_ = false;
  unwritten_ = 0;
  burst_ = smallest_burst;
  write_dirty();
  if (draining_) end_if_drained();
  arm();
}

void tcp_shell::write_dirty() {
  for (auto id : node_.take_dirty())
    guarded(id, [&] {
      if (auto at = links_.find(id); at != links_.end()) write(id, at->second);
    });
}

// Once for all messages that are in the mailbox now; of a long queue the first are written before, so that the peer
// works on them meanwhile.
void tcp_shell::schedule_flush() {
  if (!flush_scheduled_) self_->send(self_, flush_atom::value);
  flush_scheduled_ = true;
  if (++unwritten_ < burst_) return;
  unwritten_ = 0;
  burst_ *= 2;
  write_dirty();
}

// Straight to the socket while CAF holds nothing back for it: that spares an epoll round for each answer.
void tcp_shell::write(connection_id id, link& l) {
  auto* out = node_.output(id);
  if (!out || out->empty()) return;
  if (!l.is_open) return out->clear();
  std::size_t direct = 0;
  if (l.in_caf == 0) {
    auto n = ::send(static_cast<int>(l.hdl.id()), out->data(), out->size(), MSG_DONTWAIT | MSG_NOSIGNAL);
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
  if (out->capacity() > 4 * largest_read) out->shrink_to_fit();
  if (behind > 0) note_backlog(id, l, behind);
}

// Not by CAF's close, which waits for a peer that may never read, and forgets a descriptor that its poller has not got yet. CAF finds a
// socket that was shut down at its end, and closes it then.
void tcp_shell::hang_up(link& l, bool abort) {
  if (!l.is_open) return;
  auto fd = static_cast<int>(l.hdl.id());
  if (abort) {
    linger hard{1, 0};
    (void)::setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  }
  (void)::shutdown(fd, SHUT_RDWR);
  resume(l);
}

void tcp_shell::on_peer(const peer_info& peer) {
  auto& l = links_[peer.id];
  l.ready_at = clock_now();
  std::string proved;
  for (const auto& name : peer.proved) proved += " name=" + printable(name);
  tell(peer.address, "event=connected peer=" + peer.address + proved + " functions=" + std::to_string(peer.names.size()));
  if (auto at = dials_.find(l.dial); at != dials_.end()) {
    if (at->second.promise.pending()) at->second.promise.deliver(peer);
  }
}

void tcp_shell::on_closed(connection_id id, const error& why) {
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
  constexpr auto settled = std::chrono::seconds{1}; // a peer that logs in and leaves at once is not worth dialling at once
  if (auto d = dials_.find(l.dial); d != dials_.end() && l.ready_at != never && clock_now() - l.ready_at > settled) {
    d->second.backoff.succeeded();
    d->second.reported = false;
  }
  if (l.dial != 0 && !draining_) return dial_failed(l.dial, why);
  bool fault = why.code == errc::protocol || why.code == errc::login_refused;
  try {
    if (fault) warn("closed", l.address, to_string(why));
    else tell(l.address, "event=closed peer=" + l.address + " reason=\"" + printable(why.message) + "\"");
  } catch (const std::bad_alloc&) { // the node, which has yet to forget the connection, comes before its log
  }
}

void tcp_shell::on_log(std::string_view peer, std::string text) { warn("refused", std::string{peer}, text); }

void tcp_shell::warn(std::string_view event, const std::string& peer, std::string_view reason) {
  note(log_level::warning, warnings_, peer, "event=" + std::string{event} + " peer=" + peer + " reason=\"" + printable(reason) + "\"");
}

void tcp_shell::tell(const std::string& peer, const std::string& line) { note(log_level::info, news_, peer, line); }

// A peer comes with another port each time, so its network is what is counted; and a crowd may have many of those.
void tcp_shell::note(log_level level, log_budget& budget, const std::string& peer, std::string line) {
  if (!is_logged(level)) return;
  auto now = clock_now();
  if (!budget.of_one.allow(network_of(peer), now) || !budget.of_all.allow("", now)) return;
  if (auto hidden = budget.of_one.take_refused() + budget.of_all.take_refused(); hidden > 0)
    line += " lines_left_out=" + std::to_string(hidden);
  log(level, line);
}

void tcp_shell::arm() {
  ask_for_turn(); // there may have been no memory for it
  auto next = std::min(node_.next_deadline(), drain_until_);
  if (!backlogged_.empty()) next = std::min(next, clock_now() + std::chrono::seconds{1});
  ticks_.arm(self_, next);
}

void tcp_shell::tick(std::int64_t number) {
  if (!ticks_.fired(number)) return;
  node_.tick(clock_now());
  cut_stalled();
  flush();
}

} // namespace patio
