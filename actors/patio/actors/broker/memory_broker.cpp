#include <patio/actors/broker/memory_broker.hpp>

#include <stdexcept>
#include <unordered_map>

#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/broker/answer_box.hpp>
#include <patio/actors/broker/caller_table.hpp>
#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/ticker.hpp>
#include <patio/protocol/timeout.hpp>

namespace patio {
namespace {

struct memory_state {
  caf::event_based_actor* self = nullptr;
  std::optional<executors> run_in;
  memory_options options;
  struct call_in_flight {
    waiting_caller caller;
    std::stop_source stop; ///< stops the function when the call has ended
  };
  std::unordered_map<std::uint64_t, call_in_flight> calls;
  deadline_heap<std::uint64_t> deadlines;
  std::vector<caf::response_promise> joiners;
  std::shared_ptr<answer_box<std::uint64_t>> answers; ///< shared with workers
  std::uint64_t last_number = 0;
  ticker ticks;

  // Answers every caller, whatever the reason for the actor's end.
  ~memory_state() {
    for (auto& [number, c] : calls) {
      c.stop.request_stop();
      deliver(c.caller, fail(errc::shut_down, {}));
    }
    for (auto& j : joiners) j.deliver(caf::unit);
  }

  void call(call_request request, const std::stop_token& stop, waiting_caller caller) {
    const auto* entry = run_in->functions().find(request.function);
    if (!entry) return deliver(caller, fail(errc::no_route, "'" + request.function + "'"));
    auto now = clock_now();
    auto deadline = deadline_of(request.timeout, now, options.longest_timeout);
    if (!deadline) return deliver(caller, fail(errc::invalid, to_string(deadline.error())));
    if (*deadline <= now)
      return deliver(caller, fail(errc::timeout, remedy::repetition,
                                  "no time was left to call '" + request.function + "'"));
    if (const auto* run = std::get_if<immediate_function>(&entry->run); run && entry->quick)
      return deliver(caller, (*run)(std::move(request.args)));
    if (calls.size() >= options.waiting_calls)
      return deliver(caller,
                     fail(errc::overloaded, std::to_string(calls.size()) + " calls are in flight"));
    *deadline = entry->policy.bounded(*deadline, now);
    start(*entry, std::move(request.args), *deadline, stop, std::move(caller));
  }

  void start(const registry_entry& entry, arguments args, instant deadline,
             const std::stop_token& stop, waiting_caller caller) {
    auto number = ++last_number;
    auto& c = calls.emplace(number, call_in_flight{std::move(caller), {}}).first->second;
    watch(c.caller, stop, self->address(), number);
    if (deadline != never) deadlines.push(deadline, number);
    auto back = [box = answers, place = answers->make_place(number)](result<value> r) mutable {
      box->put(std::move(place), std::move(r));
    };
    reply answer{std::move(back), errc::shut_down, c.stop.get_token()};
    run_in->at(run_in->index_of(entry))
      .run(make_task(&entry, std::move(args), deadline, std::move(answer)));
    ticks.arm(self, deadlines.next());
  }

  void finish(std::uint64_t number, result<value> r) {
    auto ended = calls.extract(number);
    if (ended.empty()) return; // its deadline or its caller has already ended the call
    deadlines.settled(1);
    deadlines.purge([this](std::uint64_t n) { return calls.contains(n); });
    ended.mapped().stop.request_stop();
    deliver(ended.mapped().caller, std::move(r));
  }

  void take_answers() {
    answers->take([this](answer_box<std::uint64_t>::answer&& a) {
      finish(a.id, std::get<result<value>>(std::move(a.outcome)));
    });
  }

  void tick(std::int64_t number) {
    if (!ticks.fired(number)) return;
    while (auto late = deadlines.pop_due(clock_now())) finish(*late, fail(errc::timeout, {}));
    if (calls.empty()) deadlines = {};
    ticks.arm(self, deadlines.next());
  }
};

using memory_broker = caf::stateful_actor<memory_state>;

caf::behavior make_behavior(memory_broker* self, const executors& run_in,
                            const memory_options& options) {
  auto& s = self->state;
  s.self = self;
  s.run_in = run_in;
  s.options = options;
  s.answers = std::make_shared<answer_box<std::uint64_t>>(self->address());
  ignore_unknown_messages(self);
  return {
    [self, &s](call_atom, outgoing_call& c) {
      s.call(std::move(c.request), c.stop, make_caller(self, c));
    },
    [self, &s](call_atom, call_request& r) {
      s.call(std::move(r), {}, {self->make_response_promise(), nullptr, nullptr});
    },
    [&s](answered_atom) { s.take_answers(); },
    [&s](cancel_atom, std::uint64_t number) { s.finish(number, fail(errc::cancelled, {})); },
    [&s](tick_atom, std::int64_t number) { s.tick(number); },
    [&s](discover_atom) { return s.run_in->functions().names(); },
    [](peers_atom) { return std::vector<peer_info>{}; },
    [self, &s](join_atom) { s.joiners.push_back(self->make_response_promise()); },
    [self, &s](shut_down_atom) {
      s.joiners.push_back(self->make_response_promise());
      self->quit();
    },
  };
}

} // namespace

broker_actor spawn_memory_broker(caf::actor_system& sys, const executors& run_in,
                                 memory_options options) {
  if (auto ok = run_in.check(); !ok) throw std::invalid_argument{ok.error().message};
  auto functions = run_in.functions();
  functions.lock();
  return caf::actor_cast<broker_actor>(sys.spawn(make_behavior, run_in, options));
}

} // namespace patio
