// Functions that answer later. A call that waits for its answer occupies neither a worker nor a
// thread.
#include <iostream>

#include <patio/patio.hpp>

// Any actor may deliver the promise. Here, `timer` delivers the promise when a delayed message
// arrives.
caf::result<std::string> later(caf::event_based_actor* self, std::string text) {
  auto promise = self->make_response_promise<std::string>();
  auto timer = self->spawn([promise, text](caf::event_based_actor*) -> caf::behavior {
    return {[promise, text](caf::ok_atom) mutable { promise.deliver(text + ", after a while"); }};
  });
  self->delayed_send(timer, std::chrono::milliseconds{5}, caf::ok_atom::value);
  return promise;
}

int main() {
  patio::registry rpc;
  rpc.add("later", later);

  patio::system_config config;
  caf::actor_system sys{config};
  auto broker =
    patio::spawn_memory_broker(sys, patio::spawn_async_pool(sys, rpc, {.workers = 100}));

  std::vector<patio::call_future<std::string>> answers;
  for (int i = 0; i < 100; ++i)
    answers.push_back(patio::call<std::string>(broker, "later", "number " + std::to_string(i)));
  for (auto& answer : answers)
    if (auto text = answer.get(); &answer == &answers.back()) std::cout << text << '\n';
}
