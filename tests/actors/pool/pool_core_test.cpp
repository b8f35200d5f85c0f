// The core of a pool: in a model on one thread, which a seed decides, and on real threads.
#include <doctest/doctest.h>

#include <array>
#include <condition_variable>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include <patio/actors/pool/pool_core.hpp>

#include "seed.hpp"

using namespace patio;

namespace {

registry_entry entry_of(bool answers_later, function_options options = {}) {
  registry rpc;
  if (answers_later)
    rpc.add(
      "f", [](reply_to<void> later) { later.answer(); }, options);
  else
    rpc.add(
      "f", [] {}, options);
  return *rpc.find("f");
}
const registry_entry immediate = entry_of(false), deferred = entry_of(true);
const std::array<registry_entry, 4> entries{
  entry_of(false, {.priority = priority::high}), entry_of(true, {.priority = priority::low}),
  entry_of(false, {.max_concurrency = 2}), entry_of(true, {.max_concurrency = 1})};

/// A pool whose workers are played by the test, and the calls that were made of it.
class pool_model {
public:
  explicit pool_model(std::uint64_t seed)
      : random_{seed}, options_{.workers = 1 + random_() % 4,
                                .queue_per_worker = 1 + random_() % 20,
                                .max_blocked = random_() % 5,
                                .max_deferred = 1 + random_() % 5} {}

  void run(std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) step();
    bool closes = random_() % 2 == 0;
    if (closes) core_->close();
    while (!starts_.empty() || !running_.empty() || !later_.empty()) {
      begin_one();
      finish_one();
      answer_one();
      clean_up();
      check_progress();
    }
    core_.reset(); // the last task of a closed pool is answered at the latest here
    for (const auto& [number, c] : calls_) {
      CAPTURE(number);
      REQUIRE(c.answers == 1);
      REQUIRE(c.begun <= 1);
    }
  }
  [[nodiscard]] std::size_t begun() const { return begun_; }
  [[nodiscard]] std::size_t refused() const { return refused_; }

private:
  struct call {
    int answers = 0;
    int begun = 0;
    std::stop_source stop;
  };
  struct run_of_worker {
    std::size_t worker;
    std::uint64_t run;
    task_ptr t;
    bool blocked = false;
  };

  void step() {
    switch (random_() % 9) {
    case 0:
    case 1: return submit();
    case 2:
    case 3: return begin_one();
    case 4: return finish_one();
    case 5: return block_one();
    case 6: return stop_one();
    case 7: return random_() % 4 == 0 ? lose_one() : answer_one();
    default: return random_() % 2 == 0 ? clean_up() : check_progress();
    }
  }

  void submit() {
    std::vector<task_ptr> batch;
    for (auto n = 1 + random_() % 6; n > 0; --n) {
      auto number = ++last_call_;
      auto& c = calls_[number];
      auto answer = [this, number](result<value> r) {
        ++calls_[number].answers;
        if (!r && r.error().code == errc::overloaded) ++refused_;
      };
      batch.push_back(make_task(any_entry(), {{static_cast<std::int64_t>(number)}, {}}, never,
                                reply{answer, errc::shut_down, c.stop.get_token()},
                                {0, random_() % 3}));
    }
    core_->submit(batch);
  }

  const registry_entry* any_entry() {
    if (random_() % 2 == 0) return random_() % 3 == 0 ? &deferred : &immediate;
    return &entries[random_() % entries.size()];
  }

  void begin_one() {
    if (starts_.empty()) return;
    auto [worker, run] = starts_.front();
    starts_.pop_front();
    if (auto t = core_->begin(worker, run)) begin(worker, run, std::move(t));
  }
  void begin(std::size_t worker, std::uint64_t run, task_ptr t) {
    ++begun_;
    ++calls_[static_cast<std::uint64_t>(*t->args.positional.front().as_int64())].begun;
    std::size_t at_once = 1;
    for (const auto& r : running_) {
      REQUIRE(r.worker != worker);
      at_once += r.blocked ? 0 : 1;
    }
    const auto& bound = t->entry->policy.max_concurrency;
    REQUIRE(++open_runs_[t->entry] <= bound.value_or(std::numeric_limits<std::size_t>::max()));
    // A worker that is not blocked any more may run beside the one that took its place.
    REQUIRE(at_once <= options_.workers + options_.max_blocked);
    running_.push_back({worker, run, std::move(t)});
  }
  void finish_one() {
    if (running_.empty()) return;
    auto at = running_.begin() + static_cast<std::ptrdiff_t>(random_() % running_.size());
    auto ended = std::move(*at);
    running_.erase(at);
    const auto* entry = ended.t->entry;
    if (std::holds_alternative<deferred_function>(entry->run)) {
      later_.emplace_back(entry, std::move(ended.t->answer));
    } else {
      --open_runs_[entry];
      ended.t->answer.answer(value{});
    }
    auto time = std::chrono::microseconds{random_() % 8 == 0 ? 1'000 : 1};
    auto next = core_->done(ended.worker, ended.run, random_() % 3 != 0, time);
    if (next.task) begin(ended.worker, next.run, std::move(next.task));
  }
  void block_one() {
    if (running_.empty()) return;
    auto& r = running_[random_() % running_.size()];
    if (r.blocked) core_->unblock(r.worker, r.run);
    else core_->block(r.worker, r.run);
    r.blocked = !r.blocked;
  }
  void stop_one() {
    if (last_call_ > 0) calls_[1 + random_() % last_call_].stop.request_stop();
  }
  /// A worker dies between two runs: before it begins, or when its announced run is lost.
  void lose_one() {
    if (starts_.empty()) return;
    auto worker = starts_.front().first;
    std::erase_if(starts_, [&](const auto& s) { return s.first == worker; });
    core_->lost(worker);
  }
  void answer_one() {
    if (later_.empty()) return;
    auto [entry, answer] = std::move(later_.front());
    later_.pop_front();
    --open_runs_[entry];
    answer.answer(value{});
  }
  void clean_up() {
    if (std::exchange(clean_up_asked_, false)) core_->drop_stopped();
  }

  void check_progress() {
    if (std::exchange(check_asked_, false)) core_->check_progress();
  }

  std::mt19937_64 random_;
  pool_options options_;
  std::deque<std::pair<std::size_t, std::uint64_t>> starts_; ///< announced and not begun
  std::vector<run_of_worker> running_;
  std::deque<std::pair<const registry_entry*, reply>> later_;
  std::map<const registry_entry*, std::size_t> open_runs_; ///< begun and not answered
  std::map<std::uint64_t, call> calls_;
  std::uint64_t last_call_ = 0;
  std::size_t begun_ = 0, refused_ = 0;
  bool clean_up_asked_ = false, check_asked_ = false;
  std::shared_ptr<pool_core> core_ = std::make_shared<pool_core>(
    options_,
    pool_core::signals{
      [this](std::size_t worker, std::uint64_t run) { starts_.emplace_back(worker, run); },
      [this] { clean_up_asked_ = true; }, [this] { check_asked_ = true; }});
};

/// Workers on threads of their own, as the pool's actors would run them.
class threaded_pool {
public:
  explicit threaded_pool(const pool_options& options) {
    core_ = std::make_shared<pool_core>(
      options, pool_core::signals{[this](std::size_t worker, std::uint64_t run) {
                                    std::lock_guard lock{mutex_};
                                    starts_.emplace_back(worker, run);
                                    woken_.notify_one();
                                  },
                                  [this] {
                                    std::lock_guard lock{mutex_};
                                    clean_up_ = true;
                                    woken_.notify_one();
                                  }});
    for (std::size_t i = 0; i < options.workers + 1; ++i)
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
  ~threaded_pool() {
    for (auto& t : threads_) t.request_stop();
    woken_.notify_all();
    threads_.clear();
  }
  [[nodiscard]] pool_core& core() { return *core_; }

private:
  void work(const std::stop_token& stop) {
    for (;;) {
      std::unique_lock lock{mutex_};
      woken_.wait(lock, stop, [this] { return !starts_.empty() || clean_up_; });
      if (std::exchange(clean_up_, false)) {
        lock.unlock();
        core_->drop_stopped();
        continue;
      }
      if (starts_.empty()) return; // stopped
      auto [worker, run] = starts_.front();
      starts_.pop_front();
      lock.unlock();
      bool goes_on = false;
      for (auto t = core_->begin(worker, run); t;) {
        task_run current{core_.get(), worker, run};
        if (run % 7 == 0) current.block();
        t->answer.answer(std::get<immediate_function>(t->entry->run)(std::move(t->args)));
        if (run % 7 == 0) current.unblock();
        goes_on = !goes_on;
        auto next = core_->done(worker, run, goes_on);
        t = std::move(next.task);
        run = next.run;
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::deque<std::pair<std::size_t, std::uint64_t>> starts_;
  bool clean_up_ = false;
  std::shared_ptr<pool_core> core_;
  std::vector<std::jthread> threads_;
};

task_ptr counted_call(const registry_entry& entry, std::size_t& answered, std::stop_token stop) {
  reply count{[&](result<value>) { ++answered; }, errc::shut_down, std::move(stop)};
  return make_task(&entry, {}, never, std::move(count), {});
}

} // namespace

TEST_CASE("pool_core: in random work each call is answered once and begins at most once") {
  auto seed = test_seed();
  std::size_t begun = 0, refused = 0;
  const auto* count = std::getenv("PATIO_POOL_SEEDS");
  for (std::uint64_t i = 0; i < (count ? std::stoull(count) : 3'000); ++i) {
    CAPTURE(seed + i);
    pool_model model{seed + i};
    model.run(100);
    begun += model.begun();
    refused += model.refused();
  }
  CHECK(begun > 10'000);
  CHECK(refused > 1'000);
}

TEST_CASE("pool_core: a hundred thousand calls that wait for a function that answers later end "
          "without a deep recursion") {
  constexpr std::size_t many = 100'000;
  bool blocked = false;
  SUBCASE("when they have been stopped") {}
  SUBCASE("when the pool cannot take them") { blocked = true; }
  std::deque<std::pair<std::size_t, std::uint64_t>> starts;
  auto core = std::make_shared<pool_core>(
    pool_options{.workers = 1, .queue_per_worker = many, .max_blocked = 1, .max_deferred = 1},
    pool_core::signals{[&](std::size_t w, std::uint64_t run) { starts.emplace_back(w, run); },
                       [] {}});
  std::size_t answered = 0;
  std::stop_source stop;
  auto call = [&](const registry_entry& entry) {
    return counted_call(entry, answered, stop.get_token());
  };
  auto submit = [&](task_ptr t) { core->submit({&t, 1}); };
  auto begin = [&] {
    auto [worker, run] = starts.back();
    return core->begin(worker, run);
  };
  submit(call(deferred));
  auto first = std::move(begin()->answer); // a function that answers later has begun
  (void)core->done(starts.back().first, starts.back().second, true);
  for (std::size_t i = 0; i < many; ++i) submit(call(deferred));
  if (blocked) {
    for (int i = 0; i < 2; ++i) { // one blocked worker, and one that stands in for it
      submit(call(immediate));
      REQUIRE(begin());
      if (i == 0) core->block(starts.back().first, starts.back().second);
    }
  } else {
    stop.request_stop();
  }
  first.answer(value{});
  CHECK(answered == many + 1);
  core->close();
}

TEST_CASE("pool_core: threads that submit, run, block and stop tasks lose none") {
  constexpr std::size_t submitters = 3, batches = 300, batch_size = 10;
  std::atomic<std::size_t> answered{0};
  {
    threaded_pool pool{{.workers = 3, .queue_per_worker = 50}};
    std::vector<std::jthread> threads;
    for (std::size_t s = 0; s < submitters; ++s)
      threads.emplace_back([&, s] {
        for (std::size_t b = 0; b < batches; ++b) {
          std::stop_source stop;
          std::vector<task_ptr> batch;
          for (std::size_t i = 0; i < batch_size; ++i)
            batch.push_back(make_task(&immediate, {}, never,
                                      reply{[&](result<value>) {
                                              ++answered;
                                              answered.notify_one();
                                            },
                                            errc::shut_down, stop.get_token()},
                                      {0, s}));
          pool.core().submit(batch);
          if (b % 3 == 0) stop.request_stop();
        }
      });
    threads.clear();
    constexpr auto all = submitters * batches * batch_size;
    for (auto seen = answered.load(); seen < all; seen = answered.load()) answered.wait(seen);
  }
  CHECK(answered == submitters * batches * batch_size);
}
