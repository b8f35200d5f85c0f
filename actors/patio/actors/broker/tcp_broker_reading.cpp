#include <patio/actors/broker/tcp_broker_state.hpp>

#include <algorithm>
#include <new>

#include <caf/io/middleman.hpp>
#include <caf/send.hpp>

#include <patio/actors/caf/weak_send.hpp>
#include <patio/actors/os/clock.hpp>

// What comes from sockets, in an order in which connections do not make each other wait.
namespace patio {
namespace {

constexpr std::size_t largest_read = 65'536, smallest_slice = 512, largest_slice = 4096;
constexpr std::chrono::microseconds longest_turn{
  500}; // of one connection, for which all others wait
constexpr std::chrono::microseconds turn{
  200}; // for what waits in later_, between two looks at the sockets
constexpr std::chrono::milliseconds lonely_after{
  5}; // of hearing one connection only, it need not wait for others

} // namespace

// Who has lately taken more than its share of this thread's time waits behind the others, if there
// are any. It is not read from meanwhile, so that the end of its stream is not seen before what
// came in front of it.
void tcp_broker_state::on_data(caf::io::new_data_msg& msg) {
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

void tcp_broker_state::do_later(connection_id id, link& l, std::string_view unread) {
  l.unread += unread;
  pause(l);
  if (l.unread.size() == unread.size())
    do_later([this, id] { guarded(id, [&] { take_unread(id); }); });
}

void tcp_broker_state::take_unread(connection_id id) {
  auto at = links_.find(id);
  if (at == links_.end() || at->second.unread.empty()) return;
  take_in(id, std::exchange(at->second.unread, {}));
  go_on(id);
}

// Sockets and messages get their turn between two of these; a message to oneself would be the next.
void tcp_broker_state::do_later(std::function<void()> what) {
  later_.push_back(std::move(what));
  ask_for_turn();
}

void tcp_broker_state::ask_for_turn() {
  if (later_.empty() || *has_asked_for_turn_) return;
  self_->system().middleman().backend().post(
    [weak = self_->address(), asked = has_asked_for_turn_] {
      try {
        send_if_alive(weak, turn_atom::value);
      } catch (const std::bad_alloc&) { // whatever comes next asks again, at the latest a tick
        *asked = false;
      }
    });
  *has_asked_for_turn_ = true;
}

void tcp_broker_state::take_turn() {
  for (auto end = clock_now() + turn; !later_.empty() && clock_now() < end;) {
    auto what = std::move(later_.front());
    later_.pop_front();
    what();
  }
  *has_asked_for_turn_ = false;
  ask_for_turn();
}

void tcp_broker_state::take_in(connection_id id, std::string_view bytes) {
  auto begun = clock_now(), now = begun;
  // In a few slices, so that the peer gets the first answers while the last requests are being
  // read.
  auto slice = std::clamp(bytes.size() / 4, smallest_slice, largest_slice);
  auto rest = bytes;
  for (; !rest.empty() && now - begun < longest_turn; now = clock_now()) {
    node_.receive(id, rest.substr(0, slice), now);
    write_dirty();
    rest.remove_prefix(std::min(slice, rest.size()));
  }
  if (auto at = links_.find(id); at != links_.end()) {
    charge(at->second, begun, now);
    adapt_read_size(at->second, bytes.size(), now - begun);
    if (!rest.empty()) do_later(id, at->second, rest);
  }
  flush();
}

// Alone, a connection takes nothing from anybody.
void tcp_broker_state::charge(link& l, instant begun, instant now) const {
  if (now < shared_until_) l.share.took(now - begun, now);
}

void tcp_broker_state::adapt_read_size(link& l, std::size_t got, std::chrono::nanoseconds took) {
  auto wanted = l.read_size;
  if (took >= longest_turn || got * 8 < l.read_size)
    wanted = std::max(l.read_size / 2, link::smallest_read);
  else if (got == l.read_size && took < longest_turn / 4)
    wanted = std::min(l.read_size * 4, largest_read);
  l.next_read_size = wanted;
}

// The buffer is CAF's for this connection, which grows it where no exception may pass.
void tcp_broker_state::set_read_size(link& l, std::vector<char>& buffer) {
  if (l.read_size == l.next_read_size) return;
  buffer.reserve(l.next_read_size);
  self_->configure_read(l.hdl, caf::io::receive_policy::at_most(l.next_read_size));
  l.read_size = l.next_read_size;
}

// What comes behind it would only be kept.
void tcp_broker_state::on_decode(connection_id id, std::unique_ptr<protocol::decode_job> job) {
  pause(links_.at(id));
  decoder_.run(id, std::move(job), [weak = self_->address(), id](const decoder::job& done) {
    send_if_alive(weak, decoded_atom::value, id, done);
  });
}

void tcp_broker_state::on_decoded(connection_id id, decoder::job job) {
  auto begun = clock_now();
  decoder_.taken();
  node_.decoded(id, *job, begun);
  decoder_.discard(std::move(job)); // its last owner
  go_on(id);
  if (auto at = links_.find(id); at != links_.end()) charge(at->second, begun, clock_now());
  flush();
}

void tcp_broker_state::pause(link& l) {
  if (l.is_open && !std::exchange(l.is_paused, true)) self_->halt(l.hdl);
}

void tcp_broker_state::go_on(connection_id id) {
  if (auto at = links_.find(id);
      at != links_.end() && at->second.unread.empty() && !node_.is_decoding(id))
    resume(at->second);
}

// CAF forgets a trigger in the same round of its loop as the halt, so this comes in the next one.
void tcp_broker_state::resume(link& l) {
  if (!l.is_paused || !l.is_open) return;
  auto trigger = [self = caf::actor_cast<caf::strong_actor_ptr>(self_), broker = self_,
                  hdl = l.hdl] { broker->trigger(hdl); };
  self_->system().middleman().backend().post(std::move(trigger));
  l.is_paused = false;
}

} // namespace patio
