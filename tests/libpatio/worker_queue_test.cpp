#include <patio/worker_queue.hpp>

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <set>

#include "seed.hpp"

using task = std::unique_ptr<int>;
using queue = patio::worker_queue<task>;

namespace {

/// Submits a task; the worker that got it, -1 if it waits, -2 if it was refused.
int submit(queue& q, int number) {
  auto t = std::make_unique<int>(number);
  auto r = q.submit(t);
  if (r) return static_cast<int>(r->worker);
  CHECK((t != nullptr) == (r.error() == queue::admission::refused)); // a refused task stays with the caller
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

TEST_CASE("worker_queue: a full queue is shared out: who has most of it gives up its newest for who has less") {
  patio::worker_queue<std::unique_ptr<std::pair<char, int>>> q{1, 4};
  auto owner_of = [](const auto& t) { return t->first; };
  auto submit = [&](char owner, int number) {
    auto t = std::make_unique<std::pair<char, int>>(owner, number);
    return q.submit(t).has_value();
  };
  CHECK(submit('a', 0)); // starts
  for (int i = 1; i <= 4; ++i) CHECK(!submit('a', i));
  CHECK(!q.displace(owner_of, 'a')); // nobody has more than it
  auto first = q.displace(owner_of, 'b');
  REQUIRE(first);
  CHECK((*first)->second == 4);
  CHECK(!submit('b', 1));
  CHECK((*q.displace(owner_of, 'b'))->second == 3);
  CHECK(!submit('b', 2));
  CHECK(!q.displace(owner_of, 'b')); // both have two
  CHECK((*q.done(0)).task->second == 1);
  CHECK((*q.done(0)).task->second == 2);
  CHECK((*q.done(0)).task->first == 'b');
}

TEST_CASE("worker_queue: over random work no worker has two tasks and no task is lost") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  queue q{5, 20};
  std::set<std::size_t> busy;
  int given = 0, started = 0;
  auto begin = [&](std::size_t worker, const task& t) {
    REQUIRE(*t == started++); // first come, first served
    REQUIRE(busy.insert(worker).second);
  };
  for (int i = 0; i < 20'000; ++i) {
    if (busy.empty() || random() % 2 == 0) {
      auto t = std::make_unique<int>(given);
      auto r = q.submit(t);
      if (r) begin(r->worker, r->task);
      if (r || r.error() == queue::admission::waiting) ++given;
    } else {
      auto at = std::next(busy.begin(), static_cast<std::ptrdiff_t>(random() % busy.size()));
      auto worker = *at;
      busy.erase(at);
      if (auto next = q.done(worker)) begin(next->worker, next->task);
    }
    REQUIRE(busy.size() + q.idle() == 5);
    REQUIRE((q.waiting() == 0 || q.idle() == 0));
  }
  CHECK(given - started == static_cast<int>(q.waiting()));
}
