// A pool wakes few workers for short tasks, and more when a task turns out to be long.
#include <doctest/doctest.h>

#include <deque>
#include <tuple>
#include <vector>

#include <patio/actors/pool/pool_core.hpp>

using namespace patio;
using namespace std::chrono_literals;

namespace {

/// A pool of four workers, which the test plays.
class short_task_pool {
public:
  short_task_pool() {
    functions_.add("f", [] {});
    submit(4); // the pool does not know yet that the tasks are short
    CHECK(woken() == 4);
    finish_woken();
    for (int i = 0; i < 100; ++i) {
      submit(1);
      finish_woken();
    }
    CHECK(checks == 0);
  }
  ~short_task_pool() { core_->close(); }

  void submit(std::size_t count) {
    std::vector<task_ptr> batch;
    for (; count > 0; --count)
      batch.push_back(make_task(functions_.find("f"), {}, never,
                                reply{[this](result<value> r) {
                                        if (!r && r.error().code == errc::overloaded) ++refused;
                                      },
                                      errc::shut_down}));
    core_->submit(batch);
  }
  [[nodiscard]] std::size_t woken() const { return starts_.size(); }
  /// The first worker that was woken begins its task.
  void begin() {
    std::tie(worker_, run_) = starts_.front();
    starts_.pop_front();
    REQUIRE(core_->begin(worker_, run_));
  }
  /// The worker that began last ends its task. Returns false if it has no other task.
  bool finish() {
    run_ = core_->done(worker_, run_, true, 100ns).run;
    return run_ > 0;
  }
  /// The woken workers run tasks until none waits.
  void finish_woken() {
    while (!starts_.empty()) {
      begin();
      while (finish()) {}
    }
  }
  void check_progress() { core_->check_progress(); }
  void block() { core_->block(worker_, run_); }

  int checks = 0;          ///< that the pool has asked for
  std::size_t refused = 0; ///< tasks

private:
  registry functions_{{.auto_naming = false}};
  std::deque<std::pair<std::size_t, std::uint64_t>> starts_;
  std::size_t worker_ = 0;
  std::uint64_t run_ = 0;
  std::shared_ptr<pool_core> core_ = std::make_shared<pool_core>(
    pool_options{.workers = 4, .max_blocked = 1},
    pool_core::signals{[this](std::size_t w, std::uint64_t run) { starts_.emplace_back(w, run); },
                       [] {}, [this] { ++checks; }});
};

} // namespace

TEST_CASE("pool_core: short tasks wait for the worker that is awake, as long as tasks end") {
  short_task_pool pool;
  pool.submit(10);
  REQUIRE(pool.woken() == 1);
  pool.begin();
  CHECK(pool.checks == 1);
  CHECK(pool.finish());
  pool.check_progress();
  CHECK(pool.woken() == 0);
  CHECK(pool.checks == 2); // eight tasks wait, so the pool checks again
  while (pool.finish()) {}
  pool.check_progress();
  CHECK(pool.checks == 2);
  CHECK(pool.woken() == 0);
}

TEST_CASE(
  "pool_core: if no short task ends for a while, the idle workers start the waiting tasks") {
  short_task_pool pool;
  pool.submit(10);
  pool.begin();
  CHECK(pool.woken() == 0);
  pool.check_progress();
  CHECK(pool.woken() == 3);
  pool.finish_woken();
  for (int i = 0; i < 100; ++i) { // tasks are short again, and the first worker is still busy
    pool.submit(1);
    REQUIRE(pool.woken() == 1);
    pool.finish_woken();
  }
}

TEST_CASE("pool_core: the block that exhausts a pool wakes the idle workers, and refuses only what "
          "is left") {
  short_task_pool pool;
  pool.submit(8);
  REQUIRE(pool.woken() == 1);
  pool.begin();
  pool.block();
  CHECK(pool.woken() == 4);
  CHECK(pool.refused == 3);
}
