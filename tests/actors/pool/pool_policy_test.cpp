// Bounds and priorities of functions in the core of a pool. The test plays the workers.
#include <doctest/doctest.h>

#include <deque>
#include <map>

#include <patio/actors/pool/pool_core.hpp>

using namespace patio;

namespace {

/// A pool whose tasks begin and end as the test says. The calls have names.
class played_pool {
public:
  explicit played_pool(const pool_options& options)
      : core_{std::make_shared<pool_core>(
        options, pool_core::signals{[this](std::size_t worker, std::uint64_t run) {
                                      starts_.emplace_back(worker, run);
                                    },
                                    [] {}})} {}
  ~played_pool() { core_->close(); }

  void add(const std::string& name, function_options options = {}) {
    rpc_.add(
      name, [] {}, std::move(options));
  }
  void add_deferred(const std::string& name, function_options options = {}) {
    rpc_.add(
      name, [](reply_to<void>) {}, std::move(options));
  }

  /// Calls a function. The call's name is the function's name and its number.
  void call(const std::string& name, int number = 0, std::stop_token stop = {}) {
    auto label = name + std::to_string(number);
    reply answer{
      [this, label](result<value> r) { outcomes_[label] = r ? "" : to_string(r.error()); },
      errc::shut_down, std::move(stop)};
    auto t = make_task(rpc_.find(name), {{label}, {}}, never, std::move(answer), {1, owner});
    core_->submit({&t, 1});
  }
  /// Begins all tasks that the core has started. Returns the names of the calls that run.
  std::string running() {
    for (; !starts_.empty(); starts_.pop_front()) {
      auto [worker, run] = starts_.front();
      if (auto t = core_->begin(worker, run)) keep(worker, run, std::move(t));
    }
    std::string names;
    for (const auto& [label, r] : runs_) names += (names.empty() ? "" : " ") + label;
    return names;
  }
  void block(const std::string& label) {
    running();
    const auto& r = runs_.at(label);
    core_->block(r.worker, r.run);
  }
  /// The function returns.
  void finish(const std::string& label) {
    running();
    auto r = std::move(runs_.extract(label).mapped());
    if (std::holds_alternative<deferred_function>(r.t->entry->run))
      later_[label] = std::move(r.t->answer);
    else r.t->answer.answer(value{});
    auto next = core_->done(r.worker, r.run, true);
    if (next.task) keep(r.worker, next.run, std::move(next.task));
  }
  /// A deferred function that has returned answers.
  void answer(const std::string& label) { later_.extract(label).mapped().answer(value{}); }
  /// Finishes the only running call, again and again. Returns the order of the calls.
  std::string run_all() {
    std::string order;
    for (auto label = running(); !label.empty(); label = running()) {
      order += (order.empty() ? "" : " ") + label;
      finish(label);
    }
    return order;
  }
  [[nodiscard]] bool is_answered(const std::string& label) { return outcomes_.contains(label); }
  [[nodiscard]] std::string outcome(const std::string& label) { return outcomes_.at(label); }
  [[nodiscard]] std::size_t answered() const { return outcomes_.size(); }

  std::uint64_t owner = 0; ///< the connection of later calls

private:
  struct one_run {
    std::size_t worker;
    std::uint64_t run;
    task_ptr t;
  };
  void keep(std::size_t worker, std::uint64_t run, task_ptr t) {
    auto label = std::string{t->args.positional.front().text()};
    runs_.emplace(label, one_run{worker, run, std::move(t)});
  }

  registry rpc_;
  std::map<std::string, std::string> outcomes_; ///< outlives the tasks, which may add to it
  std::deque<std::pair<std::size_t, std::uint64_t>> starts_;
  std::map<std::string, one_run> runs_;
  std::map<std::string, reply> later_;
  std::shared_ptr<pool_core> core_;
};

} // namespace

TEST_CASE("pool_core: a function at its max_concurrency waits, and others pass it") {
  played_pool pool{{.workers = 4}};
  pool.add("bound", {.max_concurrency = 2});
  pool.add("free");
  for (int i = 0; i < 4; ++i) pool.call("bound", i);
  CHECK(pool.running() == "bound0 bound1");
  pool.call("free", 0);
  pool.call("free", 1);
  CHECK(pool.running() == "bound0 bound1 free0 free1");
  pool.finish("free0");
  CHECK(pool.running() == "bound0 bound1 free1");
  pool.finish("bound1");
  CHECK(pool.running() == "bound0 bound2 free1");
  pool.finish("bound0");
  pool.finish("bound2");
  CHECK(pool.running() == "bound3 free1");
}

TEST_CASE("pool_core: a function with a bound does not wait behind each call of its connection") {
  played_pool pool{{.workers = 1}};
  pool.add("bound", {.max_concurrency = 1});
  pool.add("free");
  for (int i = 0; i < 6; ++i) pool.call("free", i);
  for (int i = 0; i < 3; ++i) pool.call("bound", i);
  CHECK(pool.run_all() == "free0 free1 bound0 free2 bound1 free3 bound2 free4 free5");
}

TEST_CASE("pool_core: a run counts until it returns, even if nobody waits for its answer") {
  played_pool pool{{.workers = 1, .max_blocked = 8}};
  pool.add("bound", {.max_concurrency = 1});
  pool.add("free");
  std::stop_source stop;
  pool.call("bound", 0, stop.get_token());
  CHECK(pool.running() == "bound0");
  pool.call("bound", 1);
  pool.call("free");
  stop.request_stop();
  pool.block("bound0"); // as a worker does for a stopped call
  CHECK(pool.running() == "bound0 free0");
  pool.finish("free0");
  CHECK(pool.running() == "bound0");
  pool.finish("bound0");
  CHECK(pool.running() == "bound1");
}

TEST_CASE("pool_core: a function that answers later counts until its answer") {
  played_pool pool{{.workers = 2}};
  pool.add_deferred("later", {.max_concurrency = 1});
  pool.call("later", 0);
  pool.call("later", 1);
  pool.finish("later0");
  CHECK(pool.running().empty());
  CHECK_FALSE(pool.is_answered("later0"));
  pool.answer("later0");
  CHECK(pool.running() == "later1");
}

TEST_CASE("pool_core: calls of a function at its bound take no room from other functions that "
          "answer later") {
  played_pool pool{{.workers = 8, .max_deferred = 2}};
  pool.add_deferred("bound", {.max_concurrency = 1});
  pool.add_deferred("other");
  for (int i = 0; i < 5; ++i) pool.call("bound", i);
  pool.call("other");
  CHECK(pool.running() == "bound0 other0");
}

TEST_CASE("pool_core: a refusal names the function whose bound it waits for") {
  played_pool pool{{.workers = 1, .queue_per_worker = 2}};
  pool.add("bound", {.max_concurrency = 1});
  pool.add("free");
  for (int i = 0; i < 4; ++i) pool.call("bound", i);
  CHECK(pool.outcome("bound3")
        == "too many calls are waiting: 2 calls wait for 'bound', whose max_concurrency is 1");
  pool.call("free", 0); // has room of its own
  CHECK_FALSE(pool.is_answered("free0"));
  pool.owner = 1;
  pool.call("bound", 4); // takes the place of the connection with more calls
  CHECK_FALSE(pool.is_answered("bound4"));
  CHECK(pool.is_answered("bound2"));
}

TEST_CASE("pool_core: a stopped call that waits for a bound never begins") {
  played_pool pool{{.workers = 2}};
  pool.add("bound", {.max_concurrency = 1});
  std::stop_source stop;
  pool.call("bound", 0);
  pool.call("bound", 1, stop.get_token());
  pool.call("bound", 2);
  stop.request_stop();
  pool.finish("bound0");
  CHECK(pool.running() == "bound2");
  CHECK(pool.outcome("bound1") == to_string(error{errc::cancelled, {}, {}}));
}

TEST_CASE("pool_core: a long queue whose calls all end at once needs no deep recursion") {
  constexpr int calls = 20'000;
  played_pool pool{{.workers = 1, .queue_per_worker = calls, .max_blocked = 1}};
  pool.add("bound", {.max_concurrency = 1});
  pool.add("free");
  std::stop_source stop;
  pool.call("bound");
  for (int i = 1; i < calls; ++i) pool.call("bound", i, stop.get_token());
  CHECK(pool.running() == "bound0");
  SUBCASE("because they are stopped") { stop.request_stop(); }
  SUBCASE("because they are refused, as no further function may be blocked") {
    pool.call("free");
    pool.block("bound0");
    CHECK(pool.running() == "bound0 free0");
  }
  pool.finish("bound0");
  CHECK(pool.answered() == calls);
}

TEST_CASE("pool_core: a high priority starts first, and a low one is not starved") {
  played_pool pool{{.workers = 1}};
  pool.add("high", {.priority = priority::high});
  pool.add("low", {.priority = priority::low});
  pool.add("usual");
  pool.call("usual", 0);
  pool.call("low", 0);
  pool.call("usual", 1);
  for (int i = 0; i < 20; ++i) pool.call("high", i);
  CHECK(pool.run_all()
        == "usual0 high0 high1 high2 high3 usual1 high4 high5 high6 high7 high8 high9 high10 "
           "high11 high12 high13 high14 low0 high15 high16 high17 high18 high19");
}

TEST_CASE("pool_core: a full queue refuses the lower priority of one connection") {
  played_pool pool{{.workers = 1, .queue_per_worker = 1}};
  pool.add("high", {.priority = priority::high});
  pool.add("low", {.priority = priority::low});
  pool.call("low", 0);
  pool.call("low", 1);
  pool.call("high", 0);
  CHECK(pool.outcome("low1") == "too many calls are waiting: 1 calls wait for a worker");
  CHECK(pool.run_all() == "low0 high0");
}
