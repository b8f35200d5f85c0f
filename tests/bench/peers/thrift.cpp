// Thrift's nonblocking server with the framed binary protocol. The client pipelines its calls. The
// server answers the calls of a connection in order. The argument "s" runs calls on the I/O thread,
// and "p" runs them on a pool of four threads.
#include <thrift/concurrency/ThreadFactory.h>
#include <thrift/concurrency/ThreadManager.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TNonblockingServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TNonblockingServerSocket.h>
#include <thrift/transport/TSocket.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "Math.h"

namespace t = apache::thrift;

namespace {

struct service : peer::MathIf {
  int64_t mul(const std::vector<int64_t>& a) override {
    int64_t v = 1;
    for (auto x : a) v *= x;
    return v;
  }
};

void call(int port, long in_flight, long calls) {
  auto socket = std::make_shared<t::transport::TSocket>("127.0.0.1", port);
  socket->setNoDelay(true);
  auto framed = std::make_shared<t::transport::TFramedTransport>(socket);
  peer::MathClient client{std::make_shared<t::protocol::TBinaryProtocol>(framed)};
  framed->open();
  const std::vector<int64_t> args{3, 4};
  auto start = std::chrono::steady_clock::now();
  long sent = 0;
  for (; sent < std::min(in_flight, calls); ++sent) client.send_mul(args);
  for (long done = 0; done < calls; ++done) {
    if (client.recv_mul() != 12) std::exit(1);
    if (sent < calls) client.send_mul(args), ++sent;
  }
  std::chrono::duration<double> d = std::chrono::steady_clock::now() - start;
  std::printf("thrift %ld %.0f\n", in_flight, static_cast<double>(calls) / d.count());
}

} // namespace

int main(int, char** argv) {
  int port = std::atoi(argv[2]);
  if (argv[1][0] != 'c') {
    auto processor = std::make_shared<peer::MathProcessor>(std::make_shared<service>());
    auto socket = std::make_shared<t::transport::TNonblockingServerSocket>("127.0.0.1", port);
    std::shared_ptr<t::concurrency::ThreadManager> pool;
    if (argv[1][0] == 'p') {
      pool = t::concurrency::ThreadManager::newSimpleThreadManager(4);
      pool->threadFactory(std::make_shared<t::concurrency::ThreadFactory>());
      pool->start();
    }
    t::server::TNonblockingServer server{
      processor, std::make_shared<t::protocol::TBinaryProtocolFactory>(), socket, pool};
    server.serve();
  }
  call(port, 1, 20000);
  call(port, 64, 60000);
  call(port, 1024, 60000);
}
