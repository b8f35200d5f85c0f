#include <patio/actors/broker/tcp_broker_state.hpp>

#include <algorithm>
#include <limits>
#include <utility>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/weak_send.hpp>
#include <patio/base/digest.hpp>

namespace patio {
namespace {

// A pool's workers should not run out of calls while a caller learns of its credit.
mesh::credit_bounds to_credit_bounds(const pool_options& pool) {
  auto workers = std::max<std::size_t>(1, pool.workers);
  auto most = std::min(pool.queue_per_worker, std::numeric_limits<std::size_t>::max() / workers);
  return {std::max<std::size_t>(4, 2 * workers), most * workers};
}

std::map<std::string, mesh::credit_bounds> credit_bounds_of(const executors& pools) {
  std::map<std::string, mesh::credit_bounds> all{{"", to_credit_bounds(pools.at(0).bounds())}};
  for (const auto& [name, index] : pools.indices())
    all.emplace(name, to_credit_bounds(pools.at(index).bounds()));
  return all;
}

mesh::node_options to_node_options(const tcp_options& o, const executors& pools,
                                   caf::actor_addr self) {
  return {.key = o.key,
          .limits = o.limits,
          .route = o.route,
          .seed = random_seed(),
          .keys = o.keys,
          .rules = o.rules,
          .types = o.types,
          .decode_apart = large_payload,
          .executors = credit_bounds_of(pools),
          .wake = [self = std::move(self)] { send_if_alive(self, credit_atom::value); }};
}

error not_open_to_all(const endpoint& where) {
  return {errc::invalid,
          "anybody who reaches " + to_string(where)
            + " could call this node: give the node a key, or TLS with an authority for client "
              "certificates, or allow this explicitly",
          {},
          limit::none,
          {},
          {},
          remedy::protection};
}

} // namespace

tcp_broker_state::tcp_broker_state(caf::io::broker* self, const executors& run_in,
                                   tcp_options options, std::optional<tls::context> tls)
    : self_{self}, tasks_{run_in}, options_{std::move(options)}, tls_{std::move(tls)},
      answers_{std::make_shared<answer_channel<mesh::inbound_id>>(
        self->address(), pickle_form{options_.types, options_.limits.frame_bytes})},
      log_{options_.limits.log_lines}, dialler_{options_.limits.reconnect},
      driver_{
        self,
        to_node_options(options_, run_in, self->address()),
        tasks_.functions(),
        [this](mesh::node_event& event) { std::visit([this](auto& e) { handle(e); }, event); },
        [this] { tasks_.submit(); },
        log_},
      connector_{std::in_place, options_.limits.accept_retry_delay} {}

// Answers every caller, whatever the reason for the actor's end.
tcp_broker_state::~tcp_broker_state() {
  driver_.node().shut_down({errc::shut_down, {}, {}});
  driver_.handle_events();
  dialler_.shut_down();
  connector_.reset(); // frees the ports first, because a joiner may listen on one at once
  for (auto& j : joiners_) j.deliver(caf::unit);
}

// Adopts all sockets or none.
caf::error tcp_broker_state::listen(const listening_sockets& sockets) {
  if (driver_.is_draining()) return to_caf({errc::shut_down, {}, {}});
  if (auto refused = check_listeners(*sockets.fds)) return refused;
  for (auto& fd : *sockets.fds)
    connector_->accept(std::move(fd), [weak = self_->address()](shared_socket accepted) {
      send_if_alive(weak, accepted_atom::value, std::move(accepted));
    });
  return caf::none;
}

caf::error tcp_broker_state::check_listeners(const std::vector<unique_fd>& fds) const {
  bool proves_itself =
    !options_.key.empty() || !options_.keys.empty() || (tls_ && tls_->demands_client_certificate());
  for (const auto& fd : fds)
    if (!proves_itself && !options_.insecure_listen_to_all && !is_loopback(fd.get()))
      return to_caf(not_open_to_all(local_endpoint(fd.get())));
  if (tls_ && !tls_->can_accept())
    return to_caf(
      {errc::invalid, "a node that listens with TLS needs a certificate and its private key", {}});
  return caf::none;
}

caf::error tcp_broker_state::replace_tls(const tls::context& tls) {
  if (!tls_) return to_caf({errc::invalid, "the node was spawned without TLS", {}});
  if (tls_->can_accept() && !tls.can_accept())
    return to_caf(
      {errc::invalid, "a node that listens with TLS needs a certificate and its private key", {}});
  if (tls_->demands_client_certificate() && !tls.demands_client_certificate())
    return to_caf(
      {errc::invalid,
       "the node demands client certificates, so the options need an authority for them",
       {}});
  tls_ = tls;
  return caf::none;
}

// Accepting takes time as well, so a new socket waits behind the deferred work of the connections.
void tcp_broker_state::on_accepted(shared_socket socket) {
  driver_.turns().defer([this, socket = std::move(socket)]() mutable {
    driver_.guarded(0, [&] { adopt(std::exchange(socket, nullptr)); });
  });
}

void tcp_broker_state::adopt(const shared_socket& socket) {
  if (driver_.is_draining()) return;
  if (!*socket) return log_.warn("refused", "", text_of(socket->error()));
  if (auto room = driver_.node().admit(); !room)
    return log_.warn("refused", to_string(remote_endpoint((*socket)->get())),
                     text_of(room.error()));
  open(std::move(**socket), role::server, 0);
}

void tcp_broker_state::open(unique_fd fd, role side, std::uint64_t dial) {
  tune(fd.get(), options_.limits);
  auto peer = remote_endpoint(fd.get());
  if (peer.port == 0) { // the peer reset the connection before it was adopted
    constexpr auto reset = "the peer reset the connection at once";
    if (dial == 0) return log_silent("", reset);
    return dial_failed(dial, {errc::connect_failed, reset, {}});
  }
  std::unique_ptr<tls::engine> tls;
  if (tls_ && side == role::server) tls = tls_->accept(options_.limits.tls_handshake_bytes);
  if (tls_ && side == role::client) {
    auto engine = tls_->connect(dialler_.find(dial)->where.host);
    if (!engine) return dial_failed(dial, engine.error());
    tls = std::move(*engine);
  }
  driver_.open(std::move(fd), side, to_string(peer), std::move(tls), dial);
}

void tcp_broker_state::connect(const dial_target& target, caf::response_promise promise) {
  dialler::answer_function answer;
  if (promise.pending())
    answer = [promise = std::move(promise)](result<peer_info> r) mutable {
      if (r) promise.deliver(std::move(*r));
      else promise.deliver(to_caf(r.error()));
    };
  dial(dialler_.add(target, std::move(answer), static_cast<std::uint64_t>(clock_now().count())));
}

void tcp_broker_state::dial(std::uint64_t number) {
  const auto* target = dialler_.find(number);
  if (!target || driver_.is_draining()) return;
  connector_->connect({.target = target->where,
                       .avoided = dialler_.avoided(number),
                       .deadline = after(clock_now(), options_.limits.connect_timeout)},
                      [weak = self_->address(), number](result<connected_socket> socket) {
                        send_if_alive(
                          weak, dialled_atom::value, number,
                          std::make_shared<result<connected_socket>>(std::move(socket)));
                      });
}

void tcp_broker_state::on_dialled(std::uint64_t number, const dialled_socket& socket) {
  if (driver_.is_draining()) return;
  if (!*socket) return dial_failed(number, socket->error());
  auto& connected = **socket;
  dialler_.reached(number, to_string(connected.address), connected.has_others);
  open(std::move(connected.fd), role::client, number);
}

void tcp_broker_state::dial_failed(std::uint64_t number, const error& why) {
  auto retry = dialler_.failed(number, why);
  if (!retry) return;
  if (retry->is_news)
    log_.warn("disconnected", to_string(dialler_.find(number)->where),
              retry->why.code == errc::login_refused ? to_string(retry->why) : text_of(retry->why));
  connector_->after(retry->wait, [weak = self_->address(), number] {
    send_if_alive(weak, redial_atom::value, number);
  });
}

void tcp_broker_state::begin_shut_down(caf::response_promise promise) {
  joiners_.push_back(std::move(promise));
  if (driver_.is_draining()) return;
  connector_->stop_accepting();
  driver_.begin_drain(clock_now() + options_.limits.drain_timeout);
}

} // namespace patio
