#include <patio/actors/broker/tcp_broker_state.hpp>

#include <algorithm>

#include <caf/send.hpp>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/weak_send.hpp>
#include <patio/actors/os/clock.hpp>
#include <patio/pickle/pickle.hpp>

namespace patio {

void tcp_broker_state::call(outgoing_call what, waiting_caller caller) {
  auto token = callers_.add(std::move(caller));
  auto id = node_.call(token, std::move(what.request), clock_now(), what.only);
  if (node_.is_under_way(id)) watch(callers_.at(token), what.stop, self_->address(), id);
  schedule_flush();
}

void tcp_broker_state::cancel(mesh::call_id id) {
  node_.cancel(id);
  schedule_flush();
}

void tcp_broker_state::on_finished(std::uint64_t token, result<value> r) {
  auto caller = callers_.take(token);
  deliver(caller, std::move(r));
}

namespace {

pickled_result pickle(const value& v, const python_types& types, std::size_t longest) {
  auto all = std::make_shared<result<std::string>>();
  try {
    if (auto ok = write_pickle(v, **all, types, longest); !ok)
      *all = tl::unexpected(std::move(ok.error()));
  } catch (const std::bad_alloc&) { // the worker has to go on, and the caller to be answered
    *all = fail(errc::invalid, "there is no memory for it");
  }
  return all;
}

} // namespace

void tcp_broker_state::on_execute(mesh::inbound_call work) {
  auto back = [weak = self_->address(), id = work.id, charge = std::move(work.charge),
               types = types_, longest = options_.limits.frame_bytes](result<value> r) {
    auto strong = caf::actor_cast<caf::actor>(weak);
    if (!strong) return;
    if (r && r->weight() > large_payload)
      caf::anon_send(strong, answered_atom::value, id, pickle(*r, *types, longest));
    else
      caf::anon_send(strong, answered_atom::value, id,
                     std::make_shared<result<value>>(std::move(r)));
  };
  executor_.run({work.entry,
                 std::move(work.args),
                 work.deadline,
                 reply{std::move(back), errc::shut_down, std::move(work.over)},
                 {self_->id(), work.id.from}});
}

void tcp_broker_state::answered(const mesh::inbound_id& id, const result<value>& r) {
  node_.answer(id, r);
  schedule_flush();
}

void tcp_broker_state::answered(const mesh::inbound_id& id, const result<std::string>& pickled) {
  node_.answer_pickled(id, pickled);
  schedule_flush();
}

void tcp_broker_state::ping(connection_id id, caf::response_promise promise) {
  auto token = callers_.add({std::move(promise), nullptr, nullptr});
  if (!node_.ping(id, token)) on_finished(token, fail(errc::not_sent, "no such peer is connected"));
  schedule_flush();
}

void tcp_broker_state::on_pong(std::uint64_t token) {
  callers_.take(token).promise.deliver(caf::unit);
}

std::vector<std::string> tcp_broker_state::callable_names() const {
  std::vector<std::string> names;
  for (auto& peer : node_.peers()) names.insert(names.end(), peer.names.begin(), peer.names.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

namespace {

error not_open_to_all(const endpoint& where) {
  return {errc::invalid,
          "anybody who reaches " + to_string(where)
            + " could call this node: give it a key, or TLS with an authority for client "
              "certificates, or say that this is meant",
          {}};
}

} // namespace

caf::error tcp_broker_state::listen(const listening_socket& socket) {
  if (draining_) return to_caf({errc::shut_down, {}, {}});
  auto fd = socket.fd->get();
  bool proves_itself =
    !options_.key.empty() || !options_.keys.empty() || (tls_ && tls_->demands_client_certificate());
  if (!proves_itself && !options_.insecure_listen_to_all && !is_loopback(fd))
    return to_caf(not_open_to_all(local_endpoint(fd)));
  if (tls_ && !tls_->can_accept())
    return to_caf(
      {errc::invalid, "a node that listens with TLS needs a certificate and its private key", {}});
  connector_->accept(std::move(*socket.fd), [weak = self_->address()](shared_socket r) {
    send_if_alive(weak, accepted_atom::value, std::move(r));
  });
  return caf::none;
}

caf::error tcp_broker_state::replace(const tls::context& tls) {
  if (!tls_) return to_caf({errc::invalid, "the node was spawned without TLS", {}});
  if (tls_->can_accept() && !tls.can_accept())
    return to_caf(
      {errc::invalid, "a node that listens with TLS needs a certificate and its private key", {}});
  if (tls_->demands_client_certificate() && !tls.demands_client_certificate())
    return to_caf(
      {errc::invalid,
       "a node that demands client certificates goes on to: the options need an authority for them",
       {}});
  tls_ = tls;
  return caf::none;
}

void tcp_broker_state::on_accepted(shared_socket r) {
  do_later([this, r = std::move(r)]() mutable {
    guarded(0, [&] { take_over(std::exchange(r, nullptr)); });
  });
}

void tcp_broker_state::take_over(const shared_socket& r) {
  if (draining_) return;
  if (!*r) return warn("refused", "listener:", r->error().message);
  if (auto room = node_.admit(); !room)
    return warn("refused", to_string(remote_endpoint((*r)->get())), room.error().message);
  open(std::move(**r), role::server, 0);
}

void tcp_broker_state::connect(const dial_target& target, caf::response_promise promise) {
  auto number = ++last_dial_;
  dials_.emplace(number, dial_state{target, std::move(promise),
                                    backoff{options_.limits.reconnect,
                                            static_cast<std::uint64_t>(clock_now().count())},
                                    false});
  dial(number);
}

void tcp_broker_state::dial(std::uint64_t number) {
  auto at = dials_.find(number);
  if (at == dials_.end() || draining_) return;
  connector_->connect(at->second.target.where,
                      std::chrono::ceil<std::chrono::milliseconds>(options_.limits.connect_timeout),
                      [weak = self_->address(), number](result<unique_fd> r) {
                        send_if_alive(weak, dialled_atom::value, number,
                                      std::make_shared<result<unique_fd>>(std::move(r)));
                      });
}

void tcp_broker_state::on_dialled(std::uint64_t number, const shared_socket& r) {
  if (draining_) return;
  if (*r) open(std::move(**r), role::client, number);
  else dial_failed(number, r->error());
}

void tcp_broker_state::dial_failed(std::uint64_t number, const error& why) {
  auto at = dials_.find(number);
  if (at == dials_.end()) return;
  auto& d = at->second;
  if (d.promise.pending() && !d.target.options.until_connected) {
    d.promise.deliver(to_caf(why));
    dials_.erase(at);
    return;
  }
  auto wait = d.backoff.failed(why.code == errc::login_refused);
  if (!std::exchange(d.reported, true))
    warn("disconnected", to_string(d.target.where),
         why.code == errc::login_refused ? to_string(why) : why.message);
  connector_->after(
    wait, [weak = self_->address(), number] { send_if_alive(weak, redial_atom::value, number); });
}

void tcp_broker_state::begin_shut_down(caf::response_promise promise) {
  joiners_.push_back(std::move(promise));
  if (std::exchange(draining_, true)) return;
  connector_->stop_accepting();
  drain_until_ = clock_now() + options_.limits.drain_timeout;
  node_.leave();
  flush();
}

// What runs here and what we wait for has ended, and every byte of it has left.
bool tcp_broker_state::is_drained() const { return node_.has_left() && backlogged_.empty(); }

void tcp_broker_state::end_if_drained() {
  if (ended_ || (clock_now() < drain_until_ && !is_drained())) return;
  ended_ = true;
  self_->quit();
}

} // namespace patio
