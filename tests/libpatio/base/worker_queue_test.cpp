#include <patio/base/worker_queue.hpp>

#include <doctest/doctest.h>

#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "seed.hpp"

using task = std::unique_ptr<int>;
using queue = patio::worker_queue<task, int>;

namespace {

/// Submits a task. Returns the worker that got it, -1 if it waits, -2 if it was refused.
int submit(queue& q, int number, int owner = 0) {
  auto t = std::make_unique<int>(number);
  auto r = q.submit(t, owner);
  if (r) return static_cast<int>(r->worker);
  auto refused = r.error() == queue::admission::refused;
  CHECK((t != nullptr) == refused); // only a refused task stays with the caller
  return refused ? -2 : -1;
}

} // namespace

TEST_CASE("worker_queue: a task starts while a worker is idle, then tasks wait, then they are "
          "refused") {
  queue q{2, 2};
  CHECK(submit(q, 1) == 0);
  CHECK(submit(q, 2) == 1);
  CHECK(submit(q, 3) == -1);
  CHECK(submit(q, 4) == -1);
  CHECK(submit(q, 5) == -2);
  CHECK(q.waiting() == 2);
  CHECK(q.idle() == 0);
}

TEST_CASE("worker_queue: an idle worker gets the task that has waited longest") {
  queue q{1, 10};
  for (int i = 0; i < 4; ++i) submit(q, i);
  for (int i = 1; i < 4; ++i) {
    auto next = q.done(0);
    REQUIRE(next);
    CHECK(next->worker == 0);
    CHECK(*next->task == i);
  }
  CHECK_FALSE(q.done(0));
  CHECK(q.idle() == 1);
}

TEST_CASE("worker_queue: without workers every task waits, and without room every task that cannot "
          "start is refused") {
  queue none{0, 1};
  CHECK(submit(none, 1) == -1);
  CHECK(submit(none, 2) == -2);
  queue no_room{1, 0};
  CHECK(submit(no_room, 1) == 0);
  CHECK(submit(no_room, 2) == -2);
}

TEST_CASE("worker_queue: waiting tasks are removed in their order") {
  queue q{1, 10};
  for (int i = 0; i < 4; ++i) submit(q, i);
  auto left = q.remove_all_waiting();
  REQUIRE(left.size() == 3);
  CHECK(*left.front() == 1);
  CHECK(*left.back() == 3);
  CHECK(q.waiting() == 0);
  CHECK_FALSE(q.done(0));
}

TEST_CASE("worker_queue: owners take turns, so that an owner's many tasks do not hold up another's "
          "few") {
  queue q{1, 100};
  submit(q, 0, 1);
  for (int i = 1; i <= 9; ++i) submit(q, i, 1);
  submit(q, 20, 2);
  submit(q, 21, 2);
  submit(q, 30, 3);
  std::vector<int> order;
  while (auto next = q.done(0)) order.push_back(*next->task);
  CHECK(order == std::vector{1, 20, 30, 2, 21, 3, 4, 5, 6, 7, 8, 9});
}

TEST_CASE("worker_queue: an owner whose waiting tasks are all removed loses its turn") {
  queue q{1, 100};
  submit(q, 0);
  for (int i = 10; i < 40; i += 10)
    for (int k = 0; k < 2; ++k) submit(q, i + k, i);
  CHECK(q.remove_waiting_if([](const task& t) { return *t / 10 == 2 || *t == 10; }).size() == 3);
  CHECK(q.waiting() == 3);
  std::vector<int> order;
  while (auto next = q.done(0)) order.push_back(*next->task);
  CHECK(order == std::vector{11, 30, 31});
}

TEST_CASE("worker_queue: a full queue evicts the newest task of the owner with the most tasks in "
          "favour of an owner with fewer tasks") {
  queue q{1, 4};
  CHECK(submit(q, 0, 1) == 0);
  for (int i = 1; i <= 4; ++i) CHECK(submit(q, i, 1) == -1);
  CHECK(!q.evict_for(1)); // no other owner has more tasks
  auto first = q.evict_for(2);
  REQUIRE(first);
  CHECK(**first == 4);
  CHECK(submit(q, 20, 2) == -1);
  CHECK(**q.evict_for(2) == 3);
  CHECK(submit(q, 21, 2) == -1);
  CHECK(!q.evict_for(2)); // both owners have two tasks
  std::vector<int> order;
  while (auto next = q.done(0)) order.push_back(*next->task);
  CHECK(order == std::vector{1, 20, 2, 21});
}

TEST_CASE(
  "worker_queue: with more workers, tasks that wait start; with fewer, tasks that run go on") {
  queue q{1, 10};
  CHECK(submit(q, 1) == 0);
  for (int number = 2; number <= 5; ++number) CHECK(submit(q, number) == -1);
  q.set_workers(3);
  CHECK(q.start_waiting()->worker == 1);
  CHECK(q.start_waiting()->worker == 2);
  CHECK_FALSE(q.start_waiting());
  q.set_workers(1);
  CHECK_FALSE(q.done(0));
  CHECK_FALSE(q.done(1));
  auto next = q.done(2);
  REQUIRE(next);
  CHECK(*next->task == 4);
  CHECK(submit(q, 6) == -1);
}

TEST_CASE("worker_queue: an exhausted queue starts a task as long as a worker is idle") {
  queue q{4, 10, 1};
  CHECK(submit(q, 0) == 0);
  CHECK_FALSE(q.block(0));
  q.set_wanted(1);
  for (int i = 1; i <= 4; ++i) CHECK(submit(q, i) == i);
  CHECK(submit(q, 5) == -2);
}

TEST_CASE("worker_queue: tasks wait for the workers that are wanted, in their order") {
  queue q{3, 2};
  q.set_wanted(1);
  CHECK(submit(q, 1) == 0);
  CHECK(submit(q, 2) == -1);
  CHECK(submit(q, 3) == -1);
  CHECK_FALSE(q.start_waiting());
  SUBCASE("the worker that is awake goes on, although another one has a lower number") {
    q.set_wanted(2);
    CHECK(q.start_waiting()->worker == 1);
    q.set_wanted(1);
    auto next = q.done(0);
    REQUIRE(next);
    CHECK(next->worker == 0);
    CHECK(*next->task == 3);
    CHECK_FALSE(q.done(0));
    CHECK(submit(q, 4) == -1);
    CHECK(q.done(1)->worker == 1);
  }
  SUBCASE("a full queue starts its first task, and refuses only when no worker is idle") {
    auto t = std::make_unique<int>(4);
    auto first = q.submit(t, 0);
    REQUIRE(first);
    CHECK(first->worker == 1);
    CHECK(*first->task == 2);
    CHECK(q.waiting() == 2);
    CHECK(submit(q, 5) == 2);
    CHECK(submit(q, 6) == -2);
  }
  SUBCASE("with more wanted, a new task waits behind those that came before") {
    q.set_wanted(2);
    CHECK(submit(q, 4) == 1);
    CHECK(*q.done(1)->task == 3);
    CHECK(*q.done(1)->task == 4);
  }
}

TEST_CASE("worker_queue: another worker starts a task in place of a blocked worker") {
  queue q{1, 10, 2};
  CHECK(submit(q, 0) == 0);
  CHECK(submit(q, 1) == -1);
  auto stand_in = q.block(0);
  REQUIRE(stand_in);
  CHECK(stand_in->worker == 1);
  CHECK(*stand_in->task == 1);
  CHECK_FALSE(q.block(0)); // blocked already
  q.unblock(0);
  CHECK(submit(q, 2) == -1); // the stand-in runs on
  CHECK_FALSE(q.done(0));
  auto next = q.done(1);
  REQUIRE(next);
  CHECK(next->worker == 0);
  CHECK(q.is_spare(1));
}

TEST_CASE(
  "worker_queue: when no further worker may be blocked, a task is refused and does not wait") {
  queue q{1, 10, 1};
  CHECK(submit(q, 0) == 0);
  CHECK_FALSE(q.block(0));
  CHECK(q.exhausted());
  CHECK(submit(q, 1) == 1);
  CHECK_FALSE(q.block(1));
  CHECK(submit(q, 2) == -2);
  CHECK_FALSE(q.evict_for(2));
  q.unblock(0);
  CHECK_FALSE(q.exhausted());
  CHECK(submit(q, 3) == -1);
}

namespace {

/// Random work for a queue of five workers, checked against a plain list of tasks for each of four
/// owners.
class random_work {
public:
  explicit random_work(std::uint64_t seed) : random_{seed} {}

  void step() {
    if (busy_.empty() || random_() % 2 == 0) submit();
    else finish();
    REQUIRE(busy_.size() + queue_.idle() == 5);
    REQUIRE((queue_.waiting() == 0 || queue_.idle() == 0));
  }
  void check_that_no_task_is_lost() const {
    std::size_t left = 0;
    for (const auto& [owner, tasks] : waiting_) left += tasks.size();
    CHECK(left == queue_.waiting());
  }

private:
  void submit() {
    auto number = 4 * submitted_ + static_cast<int>(random_() % (random_() % 4 + 1));
    auto owner = number % 4;
    auto t = std::make_unique<int>(number);
    auto r = queue_.submit(t, owner);
    if (!r && r.error() == queue::admission::refused) return;
    ++submitted_;
    if (waiting_[owner].empty()) others_started_[owner] = 0;
    waiting_[owner].push_back(number);
    if (r) start(r->worker, r->task);
  }
  void finish() {
    auto at = std::next(busy_.begin(), static_cast<std::ptrdiff_t>(random_() % busy_.size()));
    auto worker = *at;
    busy_.erase(at);
    if (auto next = queue_.done(worker)) start(next->worker, next->task);
  }
  void start(std::size_t worker, const task& t) {
    REQUIRE(busy_.insert(worker).second); // the worker had no task
    auto owner = *t % 4;
    REQUIRE(*t == waiting_[owner].front()); // an owner's tasks start in their order
    waiting_[owner].pop_front();
    others_started_[owner] = -1;
    for (const auto& [other, tasks] : waiting_)
      if (!tasks.empty()) REQUIRE(++others_started_[other] < 4); // one task of each other owner
  }

  std::mt19937_64 random_;
  queue queue_{5, 20};
  std::set<std::size_t> busy_;
  int submitted_ = 0;
  std::map<int, std::deque<int>> waiting_; ///< by owner
  std::map<int, int> others_started_; ///< tasks of others that have started while an owner waits
};

} // namespace

TEST_CASE("worker_queue: over random work no worker has two tasks and no task is lost") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  random_work work{seed};
  for (int i = 0; i < 20'000; ++i) work.step();
  work.check_that_no_task_is_lost();
}
