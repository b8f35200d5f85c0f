#include <patio/actors/broker/tcp_broker_state.hpp>

#include <algorithm>
#include <utility>

// Passes calls from actors, and answers from workers, to the node.
namespace patio {

void tcp_broker_state::call(outgoing_call&& outgoing, waiting_caller&& caller) {
  auto token = callers_.add(std::move(caller));
  auto id = driver_.node().call(token, std::move(outgoing.request), clock_now(), outgoing.only);
  watch(callers_.at(token), outgoing.stop, self_->address(), id);
  driver_.schedule_flush();
}

void tcp_broker_state::take_direct(void* state, outgoing_call& call) {
  static_cast<tcp_broker_state*>(state)->call(std::move(call),
                                              {{}, nullptr, std::move(call.direct)});
}

void tcp_broker_state::cancel(mesh::call_id id) {
  driver_.node().cancel(id);
  driver_.schedule_flush();
}

void tcp_broker_state::take_answers() {
  answers_->box.take([this](answer_box<mesh::inbound_id>::answer&& a) {
    driver_.guarded(a.id.from, [&] {
      auto& node = driver_.node();
      if (const auto* r = std::get_if<result<value>>(&a.outcome)) node.answer(a.id, *r);
      else node.answer_pickled(a.id, std::get<result<std::string>>(a.outcome));
    });
  });
}

void tcp_broker_state::ask(connection_id id, const mesh::question& q,
                           caf::response_promise promise) {
  auto token = callers_.add({std::move(promise), nullptr, nullptr});
  if (!driver_.node().ask(id, token, q)) {
    auto caller = callers_.take(token);
    deliver(caller, fail(errc::not_sent, "no such peer is connected"));
  }
  driver_.schedule_flush();
}

std::vector<std::string> tcp_broker_state::callable_names() {
  std::vector<std::string> names;
  for (auto& peer : peers()) names.insert(names.end(), peer.names.begin(), peer.names.end());
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

} // namespace patio
