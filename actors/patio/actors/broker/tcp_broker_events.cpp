#include <patio/actors/broker/tcp_broker_state.hpp>

#include <new>
#include <utility>

#include <patio/actors/caf/weak_send.hpp>
#include <patio/pickle/pickle.hpp>

// What the node tells its owner.
namespace patio {
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
  // `charge` counts the arguments' bytes until their last owner, a worker, drops this.
  auto back = [weak = self_->address(), id = work.id, charge = std::move(work.charge),
               types = types_, longest = options_.limits.frame_bytes](result<value> r) {
    if (r && r->weight() > large_payload)
      send_if_alive(weak, answered_atom::value, id, pickle(*r, *types, longest));
    else
      send_if_alive(weak, answered_atom::value, id, std::make_shared<result<value>>(std::move(r)));
  };
  executor_.run({work.entry,
                 std::move(work.args),
                 work.deadline,
                 reply{std::move(back), errc::shut_down, std::move(work.over)},
                 {self_->id(), work.id.from}});
}

void tcp_broker_state::on_finished(std::uint64_t token, result<value> r) {
  auto caller = callers_.take(token);
  deliver(caller, std::move(r));
}

void tcp_broker_state::on_pong(std::uint64_t token) {
  callers_.take(token).promise.deliver(caf::unit);
}

void tcp_broker_state::on_peer(const peer_info& peer) {
  auto* c = driver_.find(peer.id);
  if (!c) return;
  c->ready_at = clock_now();
  std::string details;
  for (const auto& name : peer.proved) details += " name=" + printable(name);
  details += " functions=" + std::to_string(peer.names.size());
  log_.tell("connected", peer.address, details);
  dialler_.logged_in(c->dial, peer);
}

void tcp_broker_state::on_closed(connection_id id, const error& why) {
  auto c = driver_.end(id);
  if (!c) return;
  if (c->ready_at != never) dialler_.lost(c->dial, clock_now() - c->ready_at);
  if (c->dial != 0 && !driver_.is_draining()) return dial_failed(c->dial, why);
  bool fault = why.code == errc::protocol || why.code == errc::login_refused;
  try {
    if (fault) log_.warn("closed", c->address, to_string(why));
    else log_.tell("closed", c->address, reason_field(why.message));
  } catch (const std::bad_alloc&) { // the node, which has yet to forget the connection, comes
                                    // before its log
  }
}

void tcp_broker_state::on_log(std::string_view peer, std::string text) {
  log_.warn("refused", std::string{peer}, text);
}

void tcp_broker_state::on_decode(connection_id id, std::unique_ptr<protocol::decode_job> job) {
  driver_.decode(id, std::move(job));
}

} // namespace patio
