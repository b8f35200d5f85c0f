#include <patio/actors/broker/rabbitmq_broker.hpp>

#include <caf/io/middleman.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/broker/rabbitmq_broker_state.hpp>
#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/net/closing_broker.hpp>
#include <patio/actors/os/resources.hpp>
#include <patio/amqp/url.hpp>
#include <patio/base/digest.hpp>
#include <patio/protocol/limit_table.hpp>

namespace patio {
namespace {

struct holder {
  std::unique_ptr<rabbitmq_broker_state> state;
};
using rabbitmq_broker = caf::stateful_actor<holder, net::closing_broker>;

/// Handles messages from the socket, from the connector, from workers and from stop callbacks.
caf::message_handler guarded_handlers(rabbitmq_broker_state& s) {
  return {
    [&s](caf::io::new_data_msg& msg) { s.guarded([&] { s.on_data(msg); }); },
    [&s](const caf::io::data_transferred_msg& msg) { s.guarded([&] { s.on_transferred(msg); }); },
    [&s](const caf::io::connection_closed_msg& msg) {
      s.guarded([&] { s.on_socket_closed(msg); });
    },
    [&s](tick_atom, std::int64_t number) { s.guarded([&] { s.tick(number); }); },
    [&s](flush_atom) {
      s.take_answers();
      s.guarded([&] { s.flush(); });
    },
    [&s](answered_atom) {
      s.take_answers();
      s.guarded([&] { s.flush(); });
    },
    [&s](dialled_atom, const dialled_socket& socket) { s.guarded([&] { s.on_dialled(socket); }); },
    [&s](cancel_atom, const amqp::call_key& key) { s.guarded([&] { s.cancel(key); }); },
  };
}

caf::behavior make_behavior(rabbitmq_broker* self, const executors& run_in,
                            const std::shared_ptr<rabbitmq_setup>& setup) {
  self->state.state = std::make_unique<rabbitmq_broker_state>(self, run_in, std::move(*setup));
  auto& s = *self->state.state;
  ignore_unknown_messages(self);
  s.schedule_flush(); // the first dial
  caf::message_handler from_actors{
    [self, &s](call_atom, outgoing_call& c) {
      s.guarded([&] { s.call(std::move(c), make_caller(self, c)); });
    },
    [self, &s](call_atom, call_request& r) {
      s.guarded([&] {
        s.call({.request = std::move(r)}, {self->make_response_promise(), nullptr, nullptr});
      });
    },
    [](discover_atom) -> caf::result<std::vector<std::string>> {
      return to_caf(
        {errc::invalid,
         "RabbitMQ does not tell which functions are served: a call needs only the name",
         {}});
    },
    [&s](peers_atom) { return s.peers(); },
    [self, &s](ready_atom, bool until_connected) {
      s.ready(until_connected, self->make_response_promise());
    },
    [self, &s](connect_atom) { s.ready(false, self->make_response_promise()); },
    [self, &s](ping_atom) { s.guarded([&] { s.ping(self->make_response_promise()); }); },
    [self, &s](join_atom) { s.join(self->make_response_promise()); },
    [self, &s](shut_down_atom) { s.begin_shut_down(self->make_response_promise()); },
  };
  return guarded_handlers(s).or_else(from_actors);
}

template <class T>
T value_of(result<T> r) {
  if (!r) throw std::invalid_argument{r.error().message};
  return std::move(*r);
}

std::shared_ptr<rabbitmq_setup> check(rabbitmq_options& o) {
  auto url = value_of(parse_broker_url(o.url.view()));
  auto setup = std::make_shared<rabbitmq_setup>();
  setup->where = url.where;
  setup->node = {.connection = value_of(amqp::connection_options_of(url)),
                 .limits = o.limits,
                 .prefetch = std::max<std::uint16_t>(o.prefetch, 1),
                 .serve = std::move(o.serve),
                 .functions = std::move(o.functions),
                 .types = std::move(o.types),
                 .seed = random_seed()};
  setup->node.connection.name = std::move(o.name);
  if (auto ok = check_limits(o.limits); !ok) throw std::invalid_argument{ok.error().message};
  if (o.tls && !uses_tls(url.scheme))
    throw std::invalid_argument{"the options have TLS, so the URL must begin with amqps://"};
  if (uses_tls(url.scheme))
    setup->tls = value_of(tls::context::make(std::move(o.tls).value_or(tls_options{})));
  return setup;
}

void require_known(const std::map<std::string, served_function, std::less<>>& named,
                   const registry& functions) {
  for (const auto& [name, options] : named)
    if (!functions.find(name))
      throw std::invalid_argument{"the options name the function '" + name
                                  + "', which the registry does not have"};
}

} // namespace

rabbitmq_broker_actor spawn_rabbitmq_broker(caf::actor_system& sys, const executors& run_in,
                                            rabbitmq_options options) {
  if (auto ok = run_in.check(); !ok) throw std::invalid_argument{ok.error().message};
  auto functions = run_in.functions();
  require_known(options.functions, functions);
  auto setup = check(options);
  amqp::check_names(functions);
  check_descriptors(descriptors_of_broker);
  functions.lock();
  return caf::actor_cast<rabbitmq_broker_actor>(
    sys.middleman().spawn_broker(make_behavior, run_in, setup));
}

std::future<result<void>> ready(const rabbitmq_broker_actor& node, ready_options options) {
  return request_outcome(node, caf::make_message(ready_atom::value, options.until_connected));
}

} // namespace patio
