// A typed actor of CAF that is called through CAF's own middleman. The arguments "sh" and "ch"
// choose the scheduling policy of patio, a shared run queue. With CAF's default policy, workers
// steal work, and an idle worker polls.
#include <caf/all.hpp>
#include <caf/io/all.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <memory>
#include <string>

namespace {

using math = caf::typed_actor<caf::replies_to<int64_t, int64_t>::with<int64_t>>;

math::behavior_type math_fun(math::pointer) {
  return {[](int64_t a, int64_t b) { return a * b; }};
}

struct progress {
  long sent = 0;
  long done = 0;
};

caf::behavior caller(caf::stateful_actor<progress>* self, math m, long in_flight, long calls) {
  auto fire = std::make_shared<std::function<void()>>();
  *fire = [self, m, calls, again = std::weak_ptr(fire)] {
    ++self->state.sent;
    self->request(m, caf::infinite, int64_t{3}, int64_t{4}).then([self, calls, again](int64_t v) {
      if (v != 12) std::exit(1);
      auto& s = self->state;
      if (++s.done == calls) return self->quit();
      if (auto f = again.lock(); f && s.sent < calls) (*f)();
    });
  };
  for (long i = 0; i < in_flight; ++i) (*fire)();
  return {[fire](caf::unit_t) {}};
}

void call(caf::actor_system& sys, const math& m, long in_flight, long calls) {
  auto start = std::chrono::steady_clock::now();
  caf::scoped_actor self{sys};
  self->wait_for(sys.spawn(caller, m, in_flight, calls));
  std::chrono::duration<double> d = std::chrono::steady_clock::now() - start;
  std::printf("basp %ld %.0f\n", in_flight, static_cast<double>(calls) / d.count());
}

} // namespace

int main(int, char** argv) {
  caf::actor_system_config cfg;
  cfg.load<caf::io::middleman>();
  if (argv[1][1] == 'h') cfg.set("scheduler.policy", caf::atom("sharing"));
  caf::actor_system sys{cfg};
  auto port = static_cast<uint16_t>(std::atoi(argv[2]));
  if (argv[1][0] == 's') {
    if (!sys.middleman().publish(sys.spawn(math_fun), port, "127.0.0.1", true)) return 1;
    std::string line;
    std::getline(std::cin, line);
    std::_Exit(0);
  }
  auto m = sys.middleman().remote_actor<math>("127.0.0.1", port);
  if (!m) return 1;
  call(sys, *m, 1, 20000);
  call(sys, *m, 64, 200000);
  call(sys, *m, 1024, 200000);
  std::fflush(stdout);
  std::_Exit(0);
}
