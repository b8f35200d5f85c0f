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

/// Submits a task; the worker that got it, -1 if it waits, -2 if it was refused.
int submit(queue& q, int number, int owner = 0) {
  auto t = std::make_unique<int>(number);
  auto r = q.submit(t, owner);
  if (r) return static_cast<int>(r->worker);
  CHECK((t != nullptr)
        == (r.error() == queue::admission::refused)); // a refused task stays with the caller
  return r.error() == queue::admission::waiting ? -1 : -2;
}

} // namespace

TEST_CASE("worker_queue: idle workers start at once, then tasks wait, then they are refused") {
  queue q{2, 2};
  CHECK(submit(q, 1) == 0);
  CHECK(submit(q, 2) == 1);
  CHECK(submit(q, 3) == -1);
  CHECK(submit(q, 4) == -1);
  CHECK(submit(q, 5) == -2);
  CHECK(q.waiting() == 2);
  CHECK(q.idle() == 0);
}

TEST_CASE("worker_queue: a free worker gets the task that has waited longest") {
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

TEST_CASE("worker_queue: without workers everything waits, without room everything is refused") {
  queue none{0, 1};
  CHECK(submit(none, 1) == -1);
  CHECK(submit(none, 2) == -2);
  queue no_room{1, 0};
  CHECK(submit(no_room, 1) == 0);
  CHECK(submit(no_room, 2) == -2);
}

TEST_CASE("worker_queue: waiting tasks can be taken back in their order") {
  queue q{1, 10};
  for (int i = 0; i < 4; ++i) submit(q, i);
  auto left = q.take_waiting();
  REQUIRE(left.size() == 3);
  CHECK(*left.front() == 1);
  CHECK(*left.back() == 3);
  CHECK(q.waiting() == 0);
  CHECK_FALSE(q.done(0));
}

TEST_CASE("worker_queue: owners take turns, so that nobody waits behind another's crowd") {
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

TEST_CASE("worker_queue: whoever had all its waiting tasks taken back has no turn any more") {
  queue q{1, 100};
  submit(q, 0);
  for (int i = 10; i < 40; i += 10)
    for (int k = 0; k < 2; ++k) submit(q, i + k, i);
  CHECK(q.take_waiting([](const task& t) { return *t / 10 == 2 || *t == 10; }).size() == 3);
  CHECK(q.waiting() == 3);
  std::vector<int> order;
  while (auto next = q.done(0)) order.push_back(*next->task);
  CHECK(order == std::vector{11, 30, 31});
}

TEST_CASE("worker_queue: a full queue is shared out: who has most of it gives up its newest for "
          "who has less") {
  queue q{1, 4};
  CHECK(submit(q, 0, 1) == 0);
  for (int i = 1; i <= 4; ++i) CHECK(submit(q, i, 1) == -1);
  CHECK(!q.displace(1)); // nobody has more than it
  auto first = q.displace(2);
  REQUIRE(first);
  CHECK(**first == 4);
  CHECK(submit(q, 20, 2) == -1);
  CHECK(**q.displace(2) == 3);
  CHECK(submit(q, 21, 2) == -1);
  CHECK(!q.displace(2)); // both have two
  std::vector<int> order;
  while (auto next = q.done(0)) order.push_back(*next->task);
  CHECK(order == std::vector{1, 20, 2, 21});
}

TEST_CASE("worker_queue: over random work no worker has two tasks and no task is lost") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  queue q{5, 20};
  std::set<std::size_t> busy;
  int given = 0;
  std::map<int, std::deque<int>> waiting; // by owner
  std::map<int, int> passed_over;         // how many others have started since an owner waits
  auto begin = [&](std::size_t worker, const task& t) {
    REQUIRE(busy.insert(worker).second);
    auto owner = *t % 4;
    REQUIRE(*t == waiting[owner].front()); // each one's in their order
    waiting[owner].pop_front();
    passed_over[owner] = -1;
    for (const auto& [other, theirs] : waiting)
      if (!theirs.empty()) REQUIRE(++passed_over[other] < 4);
  };
  for (int i = 0; i < 20'000; ++i) {
    if (busy.empty() || random() % 2 == 0) {
      auto number = 4 * given + static_cast<int>(random() % (random() % 4 + 1));
      auto owner = number % 4;
      auto t = std::make_unique<int>(number);
      auto r = q.submit(t, owner);
      if (!r && r.error() == queue::admission::refused) continue;
      ++given;
      if (waiting[owner].empty()) passed_over[owner] = 0;
      waiting[owner].push_back(number);
      if (r) begin(r->worker, r->task);
    } else {
      auto at = std::next(busy.begin(), static_cast<std::ptrdiff_t>(random() % busy.size()));
      auto worker = *at;
      busy.erase(at);
      if (auto next = q.done(worker)) begin(next->worker, next->task);
    }
    REQUIRE(busy.size() + q.idle() == 5);
    REQUIRE((q.waiting() == 0 || q.idle() == 0));
  }
  std::size_t left = 0;
  for (const auto& [owner, theirs] : waiting) left += theirs.size();
  CHECK(left == q.waiting());
}
