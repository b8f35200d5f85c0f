#include <patio/actors/broker/tcp_broker.hpp>

#include <sys/resource.h>

#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/broker/tcp_broker_state.hpp>
#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/net/closing_broker.hpp>
#include <patio/actors/os/listeners.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/actors/os/resources.hpp>
#include <patio/protocol/limit_table.hpp>

namespace patio {
namespace {

struct holder {
  std::unique_ptr<tcp_broker_state> state;
};
using tcp_broker = caf::stateful_actor<holder, net::closing_broker>;

caf::message_handler socket_handlers(node_driver& d) {
  return {
    [&d](caf::io::new_data_msg& msg) {
      auto id = d.id_of(msg.handle);
      d.guarded(id, [&] { d.on_data(id, msg); });
    },
    [&d](const caf::io::data_transferred_msg& msg) {
      auto id = d.id_of(msg.handle);
      d.guarded(id, [&] { d.on_transferred(id, msg); });
    },
    [&d](const caf::io::connection_closed_msg& msg) {
      auto id = d.id_of(msg.handle);
      d.guarded(id, [&] { d.on_socket_closed(id); });
    },
    [&d](decoded_atom, connection_id id, decoder::job& job) {
      d.guarded(id, [&] { d.on_decoded(id, std::move(job)); });
    },
    [&d](tick_atom, std::int64_t number) { d.guarded(0, [&] { d.tick(number); }); },
    [&d](turn_atom) { d.guarded(0, [&] { d.turns().run_turn(); }); },
  };
}

/// Handles messages from other threads: from the connector, from workers and from stop callbacks.
caf::message_handler guarded_handlers(tcp_broker_state& s) {
  auto& d = s.driver();
  return {
    [&s, &d](flush_atom) {
      s.take_answers();
      d.guarded(0, [&] { d.flush(); });
    },
    [&s, &d](accepted_atom, const shared_socket& socket) {
      d.guarded(0, [&] { s.on_accepted(socket); });
    },
    [&s, &d](dialled_atom, std::uint64_t number, const dialled_socket& socket) {
      d.guarded(0, [&] { s.on_dialled(number, socket); });
    },
    [&s, &d](redial_atom, std::uint64_t number) { d.guarded(0, [&] { s.dial(number); }); },
    [&s, &d](answered_atom) {
      s.take_answers();
      d.guarded(0, [&] { d.flush(); });
    },
    [&d](credit_atom) {
      d.guarded(0, [&] {
        d.node().tick(clock_now());
        d.flush();
      });
    },
    [&s, &d](cancel_atom, const mesh::call_id& id) { d.guarded(0, [&] { s.cancel(id); }); },
  };
}

/// CAF treats even an empty error as a failure, so success needs another type.
caf::result<void> done(caf::error why) {
  if (why) return why;
  return caf::unit;
}

caf::behavior make_behavior(tcp_broker* self, const executors& run_in, const tcp_options& options,
                            const std::optional<tls::context>& tls) {
  self->state.state = std::make_unique<tcp_broker_state>(self, run_in, options, tls);
  auto& s = *self->state.state;
  ignore_unknown_messages(self);
  // CAF tries the handlers in turn, so the handler of the most frequent message comes first.
  caf::message_handler calls{
    [self, &s](call_atom, outgoing_call& c) { s.call(std::move(c), make_caller(self, c)); }};
  caf::message_handler from_actors{
    [self, &s](call_atom, call_request& r) {
      s.call({.request = std::move(r)}, {self->make_response_promise(), nullptr, nullptr});
    },
    [&s](discover_atom) { return s.callable_names(); },
    [&s](peers_atom) { return s.peers(); },
    [&s](listen_atom, const listening_sockets& sockets) { return done(s.listen(sockets)); },
    [&s](tls_atom, const tls::context& other) { return done(s.replace_tls(other)); },
    [self, &s](connect_atom, const dial_target& target) {
      s.connect(target, self->make_response_promise());
    },
    [self, &s](ping_atom, connection_id id) {
      s.ask(id, mesh::ping{}, self->make_response_promise());
    },
    [self, &s](describe_atom, connection_id id, const std::vector<std::string>& names) {
      s.ask(id, mesh::describe{names}, self->make_response_promise());
    },
    [self, &s](join_atom) { s.join(self->make_response_promise()); },
    [self, &s](shut_down_atom) { s.begin_shut_down(self->make_response_promise()); },
  };
  return calls.or_else(socket_handlers(s.driver()))
    .or_else(guarded_handlers(s))
    .or_else(from_actors);
}

/// Returns the number of descriptors that connections may use. The rest is for files, pipes and
/// other needs of the process.
std::size_t spare_descriptors() {
  rlimit max{};
  if (::getrlimit(RLIMIT_NOFILE, &max) != 0 || max.rlim_cur == RLIM_INFINITY)
    return std::numeric_limits<std::size_t>::max();
  return max.rlim_cur - std::min<rlim_t>(64, max.rlim_cur / 2);
}

} // namespace

tcp_broker_actor spawn_tcp_broker(caf::actor_system& sys, const executors& run_in,
                                  tcp_options options) {
  if (auto ok = check_keys(options.key, options.keys); !ok)
    throw std::invalid_argument{ok.error().message};
  if (auto ok = check_limits(options.limits); !ok) throw std::invalid_argument{ok.error().message};
  if (auto ok = run_in.check(); !ok) throw std::invalid_argument{ok.error().message};
  std::optional<tls::context> tls;
  if (options.tls) {
    auto made = tls::context::make(*options.tls);
    if (!made) throw std::invalid_argument{made.error().message};
    tls = std::move(*made);
    options.tls = {}; // the context has the private key: erase the key's text
  }
  options.limits.connections = std::min(options.limits.connections, spare_descriptors());
  check_descriptors(descriptors_of_broker);
  auto functions = run_in.functions();
  functions.lock();
  return caf::actor_cast<tcp_broker_actor>(
    sys.middleman().spawn_broker(make_behavior, run_in, options, tls));
}

result<std::vector<endpoint>> listen_on_all(const tcp_broker_actor& node, const endpoint& where) {
  auto opened = listen_on(where);
  if (!opened) return tl::unexpected(std::move(opened.error()));
  std::vector<endpoint> bound;
  for (const auto& fd : opened->sockets) bound.push_back(local_endpoint(fd.get()));
  listening_sockets sockets{std::make_shared<std::vector<unique_fd>>(std::move(opened->sockets))};
  auto taken =
    request_outcome(node, caf::make_message(listen_atom::value, std::move(sockets))).get();
  if (!taken) return tl::unexpected(std::move(taken.error()));
  for (const auto& why : opened->left_out)
    log(log_level::warning, "event=skipped reason=\"" + printable(why) + "\"");
  return bound;
}

result<endpoint> listen(const tcp_broker_actor& node, const endpoint& where) {
  auto bound = listen_on_all(node, where);
  if (!bound) return tl::unexpected(std::move(bound.error()));
  return std::move(bound->front());
}

result<endpoint> listen(const tcp_broker_actor& node, std::string_view where) {
  auto parsed = parse_endpoint(where);
  if (!parsed) return parsed;
  return listen(node, *parsed);
}

result<void> replace_tls(const tcp_broker_actor& node, const tls_options& options) {
  auto tls = tls::context::make(options);
  if (!tls) return tl::unexpected(std::move(tls.error()));
  return request_outcome(node, caf::make_message(tls_atom::value, std::move(*tls))).get();
}

void connect_async(const tcp_broker_actor& node, dial_target target,
                   std::function<void(result<peer_info>)> settle) {
  auto answered = [settle = std::move(settle)](caf::message& m) {
    if (m.match_elements<peer_info>()) settle(m.get_as<peer_info>(0));
    else if (m.match_elements<caf::error>())
      settle(tl::unexpected(from_caf(m.get_as<caf::error>(0))));
    else settle(fail(errc::shut_down, {}));
  };
  request_async(node, caf::make_message(connect_atom::value, std::move(target)), answered);
}

std::future<result<peer_info>> connect(const tcp_broker_actor& node, const endpoint& where,
                                       connect_options options) {
  auto promise = std::make_shared<std::promise<result<peer_info>>>();
  auto future = promise->get_future();
  connect_async(node, {where, options},
                [promise](result<peer_info> r) { promise->set_value(std::move(r)); });
  return future;
}

std::future<result<peer_info>> connect(const tcp_broker_actor& node, std::string_view where,
                                       connect_options options) {
  auto parsed = parse_endpoint(where);
  if (parsed) return connect(node, *parsed, options);
  std::promise<result<peer_info>> refused;
  refused.set_value(tl::unexpected(std::move(parsed.error())));
  return refused.get_future();
}

} // namespace patio
