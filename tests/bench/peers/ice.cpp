// ZeroC Ice with the C++11 mapping and asynchronous calls. The server pool of the argument "s" has
// one thread, which reads and runs the calls. The pool of "p" has four threads.
#include <Ice/Ice.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>

#include "mul.h"

namespace {

struct service : peer::Math {
  long long mul(peer::Args a, const Ice::Current&) override {
    long long v = 1;
    for (auto x : a) v *= x;
    return v;
  }
};

struct load {
  std::shared_ptr<peer::MathPrx> math;
  long calls;
  std::atomic<long> sent{0}, done{0};
  std::promise<void> finished;

  void fire() {
    math->mulAsync(
      {3, 4},
      [this](long long v) {
        if (v != 12) std::exit(1);
        if (++done == calls) return finished.set_value();
        if (sent.fetch_add(1) < calls) fire();
      },
      [](std::exception_ptr) { std::exit(1); });
  }
};

void call(const std::shared_ptr<peer::MathPrx>& math, const char* name, long in_flight,
          long calls) {
  load l{math, calls};
  auto start = std::chrono::steady_clock::now();
  for (long i = 0; i < in_flight; ++i) {
    ++l.sent;
    l.fire();
  }
  l.finished.get_future().wait();
  std::chrono::duration<double> d = std::chrono::steady_clock::now() - start;
  std::printf("%s %ld %.0f\n", name, in_flight, static_cast<double>(calls) / d.count());
}

} // namespace

int main(int, char** argv) {
  Ice::InitializationData init;
  init.properties = Ice::createProperties();
  if (argv[1][0] == 'p') init.properties->setProperty("Ice.ThreadPool.Server.Size", "4");
  Ice::CommunicatorHolder ice{init};
  auto where = std::string("tcp -h 127.0.0.1 -p ") + argv[2];
  if (argv[1][0] != 'c') {
    auto adapter = ice->createObjectAdapterWithEndpoints("Math", where);
    adapter->add(std::make_shared<service>(), Ice::stringToIdentity("math"));
    adapter->activate();
    ice->waitForShutdown();
  }
  auto math = Ice::uncheckedCast<peer::MathPrx>(ice->stringToProxy("math:" + where));
  call(math, "ice", 1, 20000);
  call(math, "ice", 64, 100000);
  call(math, "ice", 1024, 100000);
}
