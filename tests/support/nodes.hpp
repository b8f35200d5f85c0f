/// Nodes of a mesh within one test process, and a capture of their log. Each node has its own actor
/// system, as it would have in its own process.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>

#include <patio/patio.hpp>

#include "outcomes.hpp"

namespace patio::tests {

/// Sends a request other than a call to an actor, and returns the answer or the error.
template <class R, class Actor, class... As>
result<R> ask(const Actor& target, As... as) {
  auto promise = std::make_shared<std::promise<result<R>>>();
  auto system = &target.home_system();
  system->spawn([=](caf::event_based_actor* self) {
    auto failed = [=](const caf::error& e) { promise->set_value(tl::unexpected(from_caf(e))); };
    if constexpr (std::is_void_v<R>)
      self->request(target, caf::infinite, as...).then([=] { promise->set_value({}); }, failed);
    else
      self->request(target, caf::infinite, as...)
        .then([=](R& r) { promise->set_value(std::move(r)); }, failed);
  });
  return ended(promise->get_future());
}

/// A TCP broker with its own actor system and pool. A resource: its destructor shuts the broker
/// down.
class tcp_node {
public:
  explicit tcp_node(const registry& functions = registry{}, tcp_options options = {},
                    pool_options pool = {.workers = 8})
      : broker_{spawn_tcp_broker(system_, spawn_async_pool(system_, functions, pool),
                                 std::move(options))} {}
  ~tcp_node() { shut_down(broker_); }
  tcp_node(const tcp_node&) = delete;
  tcp_node& operator=(const tcp_node&) = delete;

  [[nodiscard]] const tcp_broker_actor& broker() const noexcept { return broker_; }
  [[nodiscard]] caf::actor_system& system() noexcept { return system_; }
  [[nodiscard]] endpoint listen(const std::string& host = "127.0.0.1", std::uint16_t port = 0) {
    return patio::listen(broker_, endpoint{host, port}).value();
  }
  /// Connects, or fails the test.
  peer_info connect(const endpoint& server) {
    auto peer = ended(patio::connect(broker_, server));
    REQUIRE(peer);
    return *peer;
  }
  [[nodiscard]] std::vector<peer_info> peers() {
    return ask<std::vector<peer_info>>(broker_, peers_atom::value).value();
  }

private:
  system_config config_;
  caf::actor_system system_{config_};
  tcp_broker_actor broker_;
};

/// A function named "later". The test decides when its calls are answered. Must outlive the actor
/// systems that use the function.
class on_demand {
public:
  void add_to(registry& rpc) {
    rpc.add("later", [this](reply_to<std::int64_t> r) {
      std::lock_guard lock{mutex_};
      started_.push_back(std::move(r));
      changed_.notify_all();
    });
  }
  /// Waits until at least `count` calls have begun and are still unanswered.
  void await_started(std::size_t count) {
    std::unique_lock lock{mutex_};
    REQUIRE(changed_.wait_for(lock, patience, [&] { return started_.size() >= count; }));
  }
  [[nodiscard]] std::size_t started() {
    std::lock_guard lock{mutex_};
    return started_.size();
  }
  /// Answers the oldest open call with 7.
  void answer_one() {
    std::unique_lock lock{mutex_};
    auto oldest = std::move(started_.front());
    started_.pop_front();
    lock.unlock();
    oldest.answer(7);
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<reply_to<std::int64_t>> started_;
};

/// Captures the log of the whole process during its own lifetime.
class log_capture {
public:
  log_capture() {
    set_log_sink([this](log_level, std::string_view line) {
      std::lock_guard lock{mutex_};
      lines_.emplace_back(line);
      changed_.notify_all();
    });
  }
  ~log_capture() { set_log_sink(nullptr); }
  log_capture(const log_capture&) = delete;
  log_capture& operator=(const log_capture&) = delete;

  /// Waits for a line that contains the text, and returns the newest such line.
  std::string await(const std::string& text) {
    std::string found;
    std::unique_lock lock{mutex_};
    auto seen = [&] {
      for (const auto& line : lines_)
        if (line.find(text) != std::string::npos) found = line;
      return !found.empty();
    };
    INFO("a log line with " << text);
    REQUIRE(changed_.wait_for(lock, patience, seen));
    return found;
  }
  [[nodiscard]] std::vector<std::string> lines() {
    std::lock_guard lock{mutex_};
    return lines_;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> lines_;
};

} // namespace patio::tests
