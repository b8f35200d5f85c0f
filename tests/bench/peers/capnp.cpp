// Cap'n Proto RPC with one event loop on each side.
#include <capnp/ez-rpc.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "mul.capnp.h"

namespace {

struct service : Math::Server {
  kj::Promise<void> mul(MulContext ctx) override {
    int64_t v = 1;
    for (auto x : ctx.getParams().getA()) v *= x;
    ctx.getResults().setV(v);
    return kj::READY_NOW;
  }
};

kj::Promise<void> one_after_another(Math::Client& math, long calls) {
  if (calls == 0) return kj::READY_NOW;
  auto request = math.mulRequest();
  auto a = request.initA(2);
  a.set(0, 3);
  a.set(1, 4);
  return request.send().then([&math, calls](auto&& r) {
    if (r.getV() != 12) std::exit(1);
    return one_after_another(math, calls - 1);
  });
}

void call(capnp::EzRpcClient& client, Math::Client& math, long in_flight, long calls) {
  auto start = std::chrono::steady_clock::now();
  kj::Vector<kj::Promise<void>> chains;
  for (long i = 0; i < in_flight; ++i) chains.add(one_after_another(math, calls / in_flight));
  kj::joinPromises(chains.releaseAsArray()).wait(client.getWaitScope());
  std::chrono::duration<double> d = std::chrono::steady_clock::now() - start;
  std::printf("capnp %ld %.0f\n", in_flight,
              static_cast<double>(calls / in_flight * in_flight) / d.count());
}

} // namespace

int main(int, char** argv) {
  auto address = std::string("127.0.0.1:") + argv[2];
  if (argv[1][0] == 's') {
    capnp::EzRpcServer server(kj::heap<service>(), address);
    kj::NEVER_DONE.wait(server.getWaitScope());
  }
  capnp::EzRpcClient client(address);
  auto math = client.getMain<Math>();
  call(client, math, 1, 20000);
  call(client, math, 64, 64000);
  call(client, math, 1024, 61440);
}
