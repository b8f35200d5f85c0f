#include "control.hpp"

#include <stdexcept>

namespace patio::chaos {
namespace {

using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds interval{100};
constexpr std::chrono::seconds patience{10};

call_target target(const std::string& function) { return {function, {.timeout = patience}}; }

} // namespace

control::control(const endpoint& server) : broker_{spawn_tcp_broker(system_, null_executor())} {
  if (auto peer = connect(broker_, server, {.gives_up = patio::give_up::at_first_failure}).get();
      !peer) {
    shut_down(broker_);
    throw std::runtime_error{to_string(peer.error())};
  }
}

control::~control() { shut_down(broker_); }

void control::watch() {
  auto now = clock::now();
  if (now - last_ < interval || waiting_.exchange(true)) return;
  last_ = now;
  ++asked_;
  call_request request{"chaos.running", {}, to_value(std::chrono::duration<double>{patience})};
  call_async(broker_, std::move(request), {}, [this, now](const result<value>& r) {
    auto took = std::chrono::duration_cast<milliseconds>(clock::now() - now).count();
    slowest_ms_ = std::max<std::int64_t>(slowest_ms_, took);
    if (r) ++answered_;
    waiting_ = false;
    waiting_.notify_all();
  });
}

std::string control::record() { return call<std::string>(broker_, target("chaos.record")).get(); }

std::int64_t control::await(const std::string& function, std::int64_t wanted,
                            std::chrono::seconds time_limit) {
  auto deadline = clock::now() + time_limit;
  for (;;) {
    auto now = call<std::int64_t>(broker_, target(function)).get();
    if (now == wanted || clock::now() > deadline) return now;
  }
}

std::int64_t control::make_calls(std::int64_t first, std::int64_t count) {
  constexpr std::int64_t at_once = 25; // below the server's limit for one connection
  std::int64_t good = 0;
  for (auto id = first; id < first + count; id += at_once)
    good += make_calls_at_once(id, std::min(at_once, first + count - id));
  return good;
}

std::int64_t control::make_calls_at_once(std::int64_t first, std::int64_t count) {
  std::vector<call_future<std::string>> answers;
  for (auto id = first; id < first + count; ++id)
    answers.push_back(call<std::string>(broker_, target("chaos.mark"), id, ""));
  std::int64_t good = 0;
  for (auto id = first; auto& a : answers) {
    try {
      good += a.get() == std::to_string(id++) + ":";
    } catch (const call_error&) {} // not counted as good
  }
  return good;
}

} // namespace patio::chaos
