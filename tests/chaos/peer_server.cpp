// Records every execution. Some calls are answered at once, some by a worker, some later, so that
// faults find calls everywhere.
#include "peer.hpp"

#include <condition_variable>
#include <iostream>
#include <map>
#include <mutex>
#include <thread>

#include <patio/actors/caf/callback_actor.hpp>
#include <patio/patio.hpp>

namespace patio::chaos {
namespace {

using clock = std::chrono::steady_clock;

/// Runs things later, in a thread of its own. What is still to come when it ends is dropped.
class timer {
public:
  timer() : thread_{[this] { run(); }} {}
  ~timer() {
    {
      std::lock_guard lock{mutex_};
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  void after(std::chrono::milliseconds wait, std::function<void()> what) {
    std::lock_guard lock{mutex_};
    due_.emplace(clock::now() + wait, std::move(what));
    changed_.notify_one();
  }

private:
  void run() {
    for (std::unique_lock lock{mutex_}; !stopping_;) {
      if (due_.empty()) changed_.wait(lock);
      else if (due_.begin()->first > clock::now()) changed_.wait_until(lock, due_.begin()->first);
      else {
        auto what = std::move(due_.extract(due_.begin()).mapped());
        lock.unlock();
        what();
        lock.lock();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<clock::time_point, std::function<void()>> due_;
  bool stopping_ = false;
  std::thread thread_;
};

/// How often each call was executed, and how many are.
class ledger {
public:
  void begin(std::int64_t id) {
    std::lock_guard lock{mutex_};
    auto at = static_cast<std::size_t>(id);
    if (executions_.size() <= at) executions_.resize(at + 1, '0');
    if (executions_[at] < '9') ++executions_[at];
    ++running_;
  }
  void end() {
    std::lock_guard lock{mutex_};
    --running_;
  }
  [[nodiscard]] std::string executions() {
    std::lock_guard lock{mutex_};
    return executions_;
  }
  [[nodiscard]] std::int64_t running() {
    std::lock_guard lock{mutex_};
    return running_;
  }

private:
  std::mutex mutex_;
  std::string executions_; ///< a digit for each id
  std::int64_t running_ = 0;
};

using broker_slot = std::shared_ptr<std::optional<broker_actor>>;

void add_record(registry& rpc, ledger& book, const broker_slot& self) {
  rpc.add("chaos.record", [&book] { return book.executions(); });
  rpc.add("chaos.running", [&book] { return book.running(); });
  rpc.add("chaos.peers", [self](reply_to<std::int64_t> answer) {
    auto shared = std::make_shared<reply_to<std::int64_t>>(std::move(answer));
    request_async(**self, caf::make_message(peers_atom::value), [shared](caf::message& m) {
      if (m.match_elements<std::vector<peer_info>>())
        shared->answer(static_cast<std::int64_t>(m.get_as<std::vector<peer_info>>(0).size()));
    });
  });
}

registry functions(ledger& book, timer& later, const broker_slot& self) {
  registry rpc{{.project = "chaos", .auto_naming = false}};
  auto at_once = [&book](std::int64_t id, const std::string& padding) {
    book.begin(id);
    book.end();
    return std::to_string(id) + ":" + padding;
  };
  rpc.add("chaos.quick", at_once, {.quick = true});
  rpc.add("chaos.mark", at_once);
  rpc.add("chaos.hold", [&](reply_to<std::string> answer, std::int64_t id,
                            const std::string& padding, std::int64_t hold) {
    book.begin(id);
    auto shared = std::make_shared<reply_to<std::string>>(std::move(answer));
    later.after(std::chrono::milliseconds{hold},
                [&book, shared, text = std::to_string(id) + ":" + padding] {
                  shared->answer(text);
                  book.end();
                });
  });
  add_record(rpc, book, self);
  return rpc;
}

} // namespace

int run_server(bool careful) {
  ledger book;
  timer later;
  auto self = std::make_shared<std::optional<broker_actor>>();
  system_config config;
  caf::actor_system sys{config};
  auto pool =
    spawn_async_pool(sys, functions(book, later, self), {.workers = 64, .queue_per_worker = 64});
  tcp_options options;
  if (careful)
    options.limits.inbound_calls = 50; // so that what gathers in a stall is more than it takes
  auto node = spawn_tcp_broker(sys, pool, options);
  *self = node;
  auto bound = listen(node, "127.0.0.1", 0);
  if (!bound) return std::cerr << to_string(bound.error()) << '\n', 1;
  say("listening on " + to_string(*bound));
  for (std::string line; std::getline(std::cin, line);) {}
  self->reset();
  shut_down(node);
  return 0;
}

} // namespace patio::chaos
