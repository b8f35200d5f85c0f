// gRPC for C++. The client uses a completion queue. The argument "s" starts the callback server,
// and "p" starts the synchronous server, which runs calls on its pool.
#include <grpcpp/grpcpp.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "mul.grpc.pb.h"

namespace {

struct service : peer::Math::CallbackService {
  grpc::ServerUnaryReactor* Mul(grpc::CallbackServerContext* ctx, const peer::Args* in,
                                peer::Result* out) override {
    int64_t v = 1;
    for (auto x : in->a()) v *= x;
    out->set_v(v);
    auto* reactor = ctx->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
};

struct pool_service : peer::Math::Service {
  grpc::Status Mul(grpc::ServerContext*, const peer::Args* in, peer::Result* out) override {
    int64_t v = 1;
    for (auto x : in->a()) v *= x;
    out->set_v(v);
    return grpc::Status::OK;
  }
};

struct pending {
  grpc::ClientContext ctx;
  peer::Result result;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<peer::Result>> reader;
};

void fire(peer::Math::Stub& stub, grpc::CompletionQueue& cq) {
  auto* p = new pending;
  peer::Args args;
  args.add_a(3);
  args.add_a(4);
  p->reader = stub.AsyncMul(&p->ctx, args, &cq);
  p->reader->Finish(&p->result, &p->status, p);
}

void call(peer::Math::Stub& stub, long in_flight, long calls) {
  grpc::CompletionQueue cq;
  auto start = std::chrono::steady_clock::now();
  long sent = 0;
  for (; sent < in_flight; ++sent) fire(stub, cq);
  void* tag;
  bool ok;
  for (long done = 0; done < calls; ++done) {
    cq.Next(&tag, &ok);
    std::unique_ptr<pending> p{static_cast<pending*>(tag)};
    if (!p->status.ok() || p->result.v() != 12) std::exit(1);
    if (sent < calls) fire(stub, cq), ++sent;
  }
  std::chrono::duration<double> d = std::chrono::steady_clock::now() - start;
  std::printf("grpc %ld %.0f\n", in_flight, static_cast<double>(calls) / d.count());
  cq.Shutdown();
  while (cq.Next(&tag, &ok)) {}
}

} // namespace

int main(int, char** argv) {
  auto address = std::string("127.0.0.1:") + argv[2];
  if (argv[1][0] != 'c') {
    service s;
    pool_service p;
    grpc::ServerBuilder b;
    b.AddListeningPort(address, grpc::InsecureServerCredentials());
    b.RegisterService(argv[1][0] == 's' ? static_cast<grpc::Service*>(&s) : &p);
    b.BuildAndStart()->Wait();
  }
  auto stub = peer::Math::NewStub(grpc::CreateChannel(address, grpc::InsecureChannelCredentials()));
  call(*stub, 1, 15000);
  call(*stub, 64, 40000);
  call(*stub, 1024, 40000);
}
