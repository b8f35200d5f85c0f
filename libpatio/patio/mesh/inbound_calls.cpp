#include <patio/mesh/inbound_calls.hpp>

#include <utility>

#include <patio/protocol/timeout.hpp>
#include <patio/value/repr.hpp>

namespace patio::mesh {
namespace {

error holding(const char* owner, std::size_t bytes, limit which) {
  return {errc::overloaded,
          std::string{"overloaded: the arguments of "} + owner + " calls take "
            + std::to_string(bytes) + " bytes",
          {},
          which};
}

} // namespace

std::optional<error> inbound_calls::refusal_for_bytes(const connection& from,
                                                      std::size_t bytes) const {
  const auto& limits = core_.options.limits;
  if (std::size_t held = from.inbound.ledger->bytes;
      held > 0 && held + bytes > limits.inbound_bytes)
    return holding("this connection's", held, limit::inbound_bytes);
  if (std::size_t held = credit_.ledger()->bytes; held > limits.node_inbound_bytes)
    return holding("all", held, limit::node_inbound_bytes);
  return {};
}

std::optional<error> inbound_calls::refusal(connection& from,
                                            const protocol::request_arrived& arrived) {
  if (core_.is_draining && from.session.status().goodbye == protocol::goodbye::agreed)
    return error{errc::shut_down, "the node is shutting down", {}};
  if (from.is_congested)
    return error{errc::overloaded,
                 "overloaded: the caller does not read its answers",
                 {},
                 limit::high_water_bytes};
  if (auto why = refusal_for_bytes(from, arrived.argument_bytes)) return why;
  const auto& function = arrived.call.function;
  const auto& proved = from.session.login().proved();
  if (may_call(core_.options.rules, proved, function)) return {};
  auto who = proved.empty() ? "a peer without a name" : quoted(proved.front());
  core_.tell(log_line{from.address, who + " may not call " + quoted(function)});
  return remote_error(value::exception("builtins.PermissionError", {function}));
}

void inbound_calls::begin(connection& from, protocol::request_arrived& arrived) {
  auto& call = arrived.call;
  auto refuse = [&](error why) { from.session.answer(arrived.id, tl::unexpected(std::move(why))); };
  const auto* entry = core_.functions.find(call.function);
  auto queue = entry ? credit_.count(from, *entry, arrived.argument_bytes) : protocol::no_queue;
  if (auto why = refusal(from, arrived)) return refuse(std::move(*why));
  if (inbound_credit::is_exceeded(from, queue))
    return refuse({errc::overloaded, "overloaded: the caller has sent more than its credit", {}});
  if (!entry) {
    core_.tell(log_line{from.address, "unknown function " + quoted(call.function)});
    return refuse({errc::no_route, call.function, {}});
  }
  auto deadline = deadline_of(call.timeout, core_.now, core_.options.limits.longest_timeout);
  if (!deadline) {
    deadline.error().message = "bad timeout"; // a text marks a refusal, which is logged
    return refuse(std::move(deadline.error()));
  }
  if (*deadline <= core_.now)
    return refuse({errc::timeout, "the call arrived with no time left", {}});
  if (const auto* run = quick_run(*entry, call.args))
    return from.session.answer(arrived.id, (*run)(std::move(call.args)));
  auto bounded = entry->policy.bounded(*deadline, core_.now);
  bool is_own_timeout = bounded < std::exchange(*deadline, bounded);
  inbound_id id{from.id, arrived.id};
  core_.schedule(*deadline, inbound_due{id, is_own_timeout});
  auto& inbound = from.session.inbound();
  auto& ledger = from.inbound.ledger;
  auto* counts =
    queue == protocol::no_queue ? nullptr : &ledger->queues[static_cast<std::size_t>(queue)];
  auto reservation =
    std::make_shared<inbound_share>(ledger, arrived.argument_bytes, counts, core_.now);
  inbound.hold(arrived.id, reservation);
  core_.tell(execute_call{{id, entry, std::move(call.args), *deadline,
                           inbound.stop_token(arrived.id), std::move(reservation)}});
}

bool inbound_calls::is_running(const inbound_id& id) {
  auto* c = core_.find(id.from);
  return c && c->session.inbound().is_running(id.request);
}

void inbound_calls::answer(const inbound_id& id, const result<value>& r) {
  end(id, [&](protocol::session& s) { s.answer(id.request, r); });
}

void inbound_calls::answer_pickled(const inbound_id& id, const result<std::string>& r) {
  end(id, [&](protocol::session& s) { s.answer_pickled(id.request, r); });
}

template <class Answer>
void inbound_calls::end(const inbound_id& id, Answer answer) {
  auto* c = core_.find(id.from);
  if (!c || !c->session.inbound().is_running(id.request)) return;
  answer(c->session);
  core_.deadlines.settled(1); // the call's deadline entry, if it had a deadline
  core_.note_output(*c);
}

} // namespace patio::mesh
