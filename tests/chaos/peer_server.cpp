// Records every execution. Some calls are answered on the broker's thread, some by a worker, and
// some later, so that faults hit calls in each of these states.
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

/// Runs tasks later on its own thread. The destructor drops the tasks that are not due yet.
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
  void after(std::chrono::milliseconds wait, std::function<void()> task) {
    std::lock_guard lock{mutex_};
    due_.emplace(clock::now() + wait, std::move(task));
    changed_.notify_one();
  }

private:
  void run() {
    for (std::unique_lock lock{mutex_}; !stopping_;) {
      if (due_.empty()) changed_.wait(lock);
      else if (due_.begin()->first > clock::now()) changed_.wait_until(lock, due_.begin()->first);
      else {
        auto task = std::move(due_.extract(due_.begin()).mapped());
        lock.unlock();
        task();
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

/// Counts the executions of each call, up to 9, and the calls that are running.
class execution_record {
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

void add_record(registry& rpc, execution_record& record, const broker_slot& self) {
  rpc.add("chaos.record", [&record] { return record.executions(); });
  rpc.add("chaos.running", [&record] { return record.running(); });
  rpc.add("chaos.peers", [self](reply_to<std::int64_t> answer) {
    auto shared = std::make_shared<reply_to<std::int64_t>>(std::move(answer));
    request_async(**self, caf::make_message(peers_atom::value), [shared](caf::message& m) {
      if (m.match_elements<std::vector<peer_info>>())
        shared->answer(static_cast<std::int64_t>(m.get_as<std::vector<peer_info>>(0).size()));
    });
  });
}

registry functions(execution_record& record, timer& later, const broker_slot& self) {
  registry rpc{{.project = "chaos", .auto_naming = false}};
  auto at_once = [&record](std::int64_t id, const std::string& padding) {
    record.begin(id);
    record.end();
    return std::to_string(id) + ":" + padding;
  };
  rpc.add("chaos.quick", at_once, {.quick = true});
  rpc.add("chaos.mark", at_once);
  rpc.add("chaos.hold", [&](reply_to<std::string> answer, std::int64_t id,
                            const std::string& padding, std::int64_t hold) {
    record.begin(id);
    auto shared = std::make_shared<reply_to<std::string>>(std::move(answer));
    later.after(std::chrono::milliseconds{hold},
                [&record, shared, text = std::to_string(id) + ":" + padding] {
                  shared->answer(text);
                  record.end();
                });
  });
  add_record(rpc, record, self);
  return rpc;
}

} // namespace

int run_server(bool careful) {
  execution_record record;
  timer later;
  auto self = std::make_shared<std::optional<broker_actor>>();
  system_config config;
  caf::actor_system sys{config};
  auto pool =
    spawn_async_pool(sys, functions(record, later, self), {.workers = 64, .queue_per_worker = 64});
  tcp_options options;
  if (careful) options.limits.inbound_calls = 50; // fewer than the calls that gather during a stall
  auto node = spawn_tcp_broker(sys, pool, options);
  *self = node;
  auto bound = listen(node, "127.0.0.1:0");
  if (!bound) {
    std::cerr << to_string(bound.error()) << '\n';
    return 1;
  }
  say("listening on " + to_string(*bound));
  for (std::string line; std::getline(std::cin, line);) {}
  self->reset();
  shut_down(node);
  return 0;
}

} // namespace patio::chaos
