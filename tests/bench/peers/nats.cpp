// Request and reply over NATS: a client, nats-server and a service are three processes. The
// argument "s" starts nats-server and runs the service.
#include <nats/nats.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <string>

namespace {

void need(natsStatus s) {
  if (s == NATS_OK) return;
  std::fprintf(stderr, "%s\n", natsStatus_GetText(s));
  std::exit(1);
}

// `asap` writes each message at once. Without `asap`, a thread of the library gathers messages for
// a millisecond, so one call in flight gives 1000 calls/s.
natsConnection* connect(const char* port, bool asap) {
  natsOptions* o = nullptr;
  need(natsOptions_Create(&o));
  auto url = std::string("nats://127.0.0.1:") + port;
  need(natsOptions_SetURL(o, url.c_str()));
  need(natsOptions_SetSendAsap(o, asap));
  need(natsOptions_SetRetryOnFailedConnect(o, true, nullptr, nullptr)); // until the server listens
  need(natsOptions_SetMaxReconnect(o, 100));
  need(natsOptions_SetReconnectWait(o, 50));
  natsConnection* c = nullptr;
  need(natsConnection_Connect(&c, o));
  return c;
}

bool asap() { return std::getenv("NATS_GATHER") == nullptr; }

void on_request(natsConnection* c, natsSubscription*, natsMsg* m, void*) {
  int64_t in[2], v = 1;
  std::memcpy(in, natsMsg_GetData(m), sizeof in);
  for (auto x : in) v *= x;
  need(natsConnection_Publish(c, natsMsg_GetReply(m), &v, sizeof v));
  natsMsg_Destroy(m);
}

struct load {
  natsConnection* c;
  std::string inbox;
  long calls;
  std::atomic<long> sent{0}, done{0};
  std::promise<void> finished;

  // Each call has its own reply subject, which identifies the answer.
  void fire(long number) {
    static constexpr int64_t in[2] = {3, 4};
    need(natsConnection_PublishRequest(c, "mul", (inbox + "." + std::to_string(number)).c_str(), in,
                                       sizeof in));
  }
};

void on_answer(natsConnection*, natsSubscription*, natsMsg* m, void* closure) {
  auto& l = *static_cast<load*>(closure);
  int64_t v = 0;
  if (natsMsg_GetDataLength(m) != sizeof v) std::exit(1);
  std::memcpy(&v, natsMsg_GetData(m), sizeof v);
  if (v != 12) std::exit(1);
  natsMsg_Destroy(m);
  if (++l.done == l.calls) return l.finished.set_value();
  if (auto n = l.sent.fetch_add(1); n < l.calls) l.fire(n);
}

void call(const char* port, long in_flight, long calls) {
  load l{connect(port, asap()), {}, calls};
  natsInbox* inbox = nullptr;
  need(natsInbox_Create(&inbox));
  l.inbox = inbox;
  natsSubscription* sub = nullptr;
  need(natsConnection_Subscribe(&sub, l.c, (l.inbox + ".*").c_str(), on_answer, &l));
  need(natsConnection_Flush(l.c));
  auto start = std::chrono::steady_clock::now();
  for (long i = 0; i < in_flight; ++i) l.fire(l.sent++);
  l.finished.get_future().wait();
  std::chrono::duration<double> d = std::chrono::steady_clock::now() - start;
  std::printf("nats %ld %.0f\n", in_flight, static_cast<double>(calls) / d.count());
  natsConnection_Close(l.c);
}

void serve(const char* port) {
  if (fork() == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp("nats-server", "nats-server", "-a", "127.0.0.1", "-p", port, nullptr);
    std::_Exit(127);
  }
  auto* c = connect(port, asap());
  natsSubscription* sub = nullptr;
  need(natsConnection_Subscribe(&sub, c, "mul", on_request, nullptr));
  need(natsConnection_PublishString(c, "ready", ""));
  for (;;) pause();
}

// A request before the service has subscribed fails at once. The service then publishes "ready"
// later than this client has subscribed to "ready".
void wait_for_service(natsConnection* c) {
  static constexpr int64_t in[2] = {3, 4};
  natsSubscription* ready = nullptr;
  need(natsConnection_SubscribeSync(&ready, c, "ready"));
  natsMsg* answer = nullptr;
  if (natsConnection_Request(&answer, c, "mul", in, sizeof in, 5000) == NATS_NO_RESPONDERS)
    need(natsSubscription_NextMsg(&answer, ready, 5000));
  natsMsg_Destroy(answer);
  natsSubscription_Destroy(ready);
  natsConnection_Close(c);
}

} // namespace

int main(int, char** argv) {
  if (argv[1][0] == 's') serve(argv[2]);
  wait_for_service(connect(argv[2], true));
  call(argv[2], 1, 20000);
  call(argv[2], 64, 100000);
  call(argv[2], 1024, 150000);
}
