#include <patio/actors/broker/redis_broker_state.hpp>

#include <algorithm>
#include <map>
#include <new>
#include <utility>

#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/weak_send.hpp>

namespace patio {
namespace {

/// The functions of each executor, with its number of workers.
std::vector<redis::serving_group> groups_of(const executors& run_in) {
  std::map<std::size_t, redis::serving_group> groups;
  const auto& functions = run_in.functions();
  for (auto& name : functions.names()) {
    auto index = run_in.index_of(*functions.find(name));
    auto& group = groups[index];
    group.workers = run_in.at(index).bounds().workers;
    group.names.push_back(std::move(name));
  }
  std::vector<redis::serving_group> all;
  for (auto& [index, group] : groups) all.push_back(std::move(group));
  return all;
}

} // namespace

redis_broker_state::redis_broker_state(caf::io::broker* self, executors run_in,
                                       const redis_options& options, redis::settings settings,
                                       std::optional<tls::context> tls)
    : self_{self}, tasks_{run_in}, options_{options}, server_{settings.url.where},
      tls_{std::move(tls)}, answers_{std::make_shared<answer_channel<redis::task_number>>(
                              self->address(),
                              pickle_form{options.types, options.limits.frame_bytes})},
      log_{options.limits.log_lines}, node_{std::move(settings), run_in.functions(),
                                            groups_of(run_in)},
      sockets_{self, options.limits}, connector_{std::in_place, options.limits.accept_retry_delay} {
  node_.tick(clock_now()); // begins to connect
}

// Answers every caller, whatever the reason for the actor's end.
redis_broker_state::~redis_broker_state() {
  error why{errc::shut_down, {}, {}};
  try {
    node_.shut_down(why, clock_now());
    handle_events();
    write_output();                 // the tokens of these calls are deleted
  } catch (const std::exception&) { // out of memory
  }
  std::vector<redis::link_number> links;
  node_.links(links);
  for (auto link : links) sockets_.end(link);
  connector_.reset();
  connecting_.answer(tl::unexpected(why), false);
  for (auto& promise : std::exchange(drain_.joiners, {})) promise.deliver(caf::unit);
}

void redis_broker_state::call(outgoing_call outgoing, waiting_caller caller) {
  auto token = callers_.add(std::move(caller));
  if (drain_.begun) {
    auto ended = callers_.take(token);
    return deliver(ended, fail(errc::shut_down, {}));
  }
  auto number = node_.call(token, outgoing.request, clock_now());
  if (number != 0) watch(callers_.at(token), outgoing.stop, self_->address(), number);
}

void redis_broker_state::cancel(redis::call_number number) { node_.cancel(number, clock_now()); }

void redis_broker_state::ask(question q, caf::response_promise promise) {
  auto token = callers_.add({std::move(promise), nullptr, nullptr});
  if (q == question::names) node_.list(token, clock_now());
  else node_.ping(token, clock_now());
}

void redis_broker_state::connected(caf::response_promise promise) {
  if (node_.is_connected()) return promise.deliver(caf::unit);
  connecting_.add(false, std::move(promise));
}

// The only peer that this node knows is its server.
std::vector<peer_info> redis_broker_state::peers() {
  if (!node_.is_connected()) return {};
  return {{1,
           to_string(server_),
           role::client,
           {},
           node_.calls().table().unfinished(),
           node_.server().running(),
           {}}};
}

void redis_broker_state::begin_shut_down(caf::response_promise promise) {
  drain_.joiners.push_back(std::move(promise));
  if (std::exchange(drain_.begun, true)) return;
  auto now = clock_now();
  drain_.until = after(now, options_.limits.drain_timeout);
  node_.go_away(now);
}

void redis_broker_state::quit_if_drained() {
  if (!drain_.begun || drain_.ended) return;
  bool drained = node_.is_drained() && !sockets_.has_backlog();
  if (!drained && clock_now() < drain_.until) return;
  drain_.ended = true;
  self_->quit();
}

} // namespace patio
