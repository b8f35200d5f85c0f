#include <patio/actors/broker/redis_broker.hpp>

#include <stdexcept>

#include <caf/io/middleman.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/broker/redis_broker_state.hpp>
#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/net/closing_broker.hpp>
#include <patio/actors/os/resources.hpp>
#include <patio/base/digest.hpp>
#include <patio/protocol/limit_table.hpp>

namespace patio {
namespace {

struct holder {
  std::unique_ptr<redis_broker_state> state;
};
using redis_broker = caf::stateful_actor<holder, net::closing_broker>;

caf::message_handler guarded_handlers(redis_broker_state& s) {
  return {
    [&s](caf::io::new_data_msg& m) { s.guarded([&] { s.on_data(m); }); },
    [&s](const caf::io::data_transferred_msg& m) { s.guarded([&] { s.on_transferred(m); }); },
    [&s](const caf::io::connection_closed_msg& m) { s.guarded([&] { s.on_closed(m); }); },
    [&s](dialled_atom, redis::link_number link, const dialled_socket& socket) {
      s.guarded([&] { s.on_dialled(link, socket); });
    },
    [&s](tick_atom, std::int64_t number) { s.guarded([&] { s.tick(number); }); },
    [&s](answered_atom) { s.guarded([&] { s.take_answers(); }); },
    [&s](cancel_atom, redis::call_number number) { s.guarded([&] { s.cancel(number); }); },
    [&s](flush_atom) { s.guarded([] {}); },
  };
}

caf::behavior make_behavior(redis_broker* self, const executors& run_in,
                            const redis_options& options, const redis::settings& settings,
                            const std::optional<tls::context>& tls) {
  self->state.state = std::make_unique<redis_broker_state>(self, run_in, options, settings, tls);
  auto& s = *self->state.state;
  ignore_unknown_messages(self);
  self->send(self, flush_atom::value);
  caf::message_handler from_actors{
    [self, &s](call_atom, outgoing_call& c) {
      s.guarded([&] { s.call(std::move(c), make_caller(self, c)); });
    },
    [self, &s](call_atom, call_request& r) {
      waiting_caller caller{self->make_response_promise(), nullptr, nullptr};
      s.guarded([&] { s.call({.request = std::move(r)}, std::move(caller)); });
    },
    [self, &s](discover_atom) {
      auto promise = self->make_response_promise();
      s.guarded([&] { s.ask(redis_broker_state::question::names, promise); });
    },
    [&s](peers_atom) { return s.peers(); },
    [self, &s](connect_atom) {
      auto promise = self->make_response_promise();
      s.guarded([&] { s.connected(promise); });
    },
    [self, &s](ping_atom) {
      auto promise = self->make_response_promise();
      s.guarded([&] { s.ask(redis_broker_state::question::pong, promise); });
    },
    [self, &s](join_atom) {
      auto promise = self->make_response_promise();
      s.guarded([&] { s.join(promise); });
    },
    [self, &s](shut_down_atom) {
      auto promise = self->make_response_promise();
      s.guarded([&] { s.begin_shut_down(promise); });
    },
  };
  return guarded_handlers(s).or_else(from_actors);
}

/// Returns the settings, or throws std::invalid_argument.
redis::settings settings_of(const redis_options& options, const registry& functions) {
  redis::settings s{.project = functions.options().project.value_or(""),
                    .limits = options.limits,
                    .types = options.types,
                    .tuning = options.tuning,
                    .new_id = [] { return redis::uuid_text(random_bytes(16)); },
                    .seed = random_seed()};
  auto url = parse_broker_url(options.url.view());
  auto ok = url ? redis::set_url(s, std::move(*url)) : tl::unexpected(std::move(url.error()));
  if (!ok) throw std::invalid_argument{ok.error().message};
  return s;
}

std::optional<tls::context> tls_of(const redis_options& options, broker_scheme scheme) {
  if (!uses_tls(scheme)) {
    if (!options.tls) return {};
    throw std::invalid_argument{"TLS options need a rediss URL, because a redis URL has no TLS"};
  }
  auto made = tls::context::make(options.tls.value_or(tls_options{}));
  if (!made) throw std::invalid_argument{made.error().message};
  return std::move(*made);
}

} // namespace

engine_broker_actor spawn_redis_broker(caf::actor_system& sys, const executors& run_in,
                                       redis_options options) {
  if (auto ok = check_limits(options.limits); !ok) throw std::invalid_argument{ok.error().message};
  if (auto ok = run_in.check(); !ok) throw std::invalid_argument{ok.error().message};
  auto functions = run_in.functions();
  auto settings = settings_of(options, functions);
  auto tls = tls_of(options, settings.url.scheme);
  options.url = {};
  options.tls = {}; // the context has the private key: erase the key's text
  check_descriptors(descriptors_of_broker);
  functions.lock();
  return caf::actor_cast<engine_broker_actor>(
    sys.middleman().spawn_broker(make_behavior, run_in, options, settings, tls));
}

std::future<result<void>> connected(const engine_broker_actor& broker) {
  return request_outcome(broker, caf::make_message(connect_atom::value));
}

} // namespace patio
