#include <doctest/doctest.h>

#include <stdexcept>
#include <thread>
#include <vector>

#include <patio/base/inbox.hpp>

using patio::inbox;

TEST_CASE("inbox: items come in their order, and only the first needs a wake-up") {
  inbox<int> box;
  CHECK(box.put(1));
  CHECK_FALSE(box.put(2));
  CHECK_FALSE(box.put(3));
  std::vector<int> taken;
  box.take([&](int&& i) {
    taken.push_back(i);
    if (i == 3) CHECK(box.put(4));
  });
  CHECK(taken == std::vector{1, 2, 3});
  CHECK_FALSE(box.empty());
  box.take([&](int&& i) { taken.push_back(i); });
  CHECK(taken == std::vector{1, 2, 3, 4});
  CHECK(box.empty());
}

TEST_CASE("inbox: items that nobody takes are destroyed") {
  auto watched = std::make_shared<int>(0);
  {
    inbox<std::shared_ptr<int>> box;
    CHECK(box.put(watched));
    CHECK_FALSE(box.put(watched));
    CHECK_FALSE(box.put(watched));
    CHECK_THROWS_AS(box.take([](std::shared_ptr<int>&&) { throw std::runtime_error{"full"}; }),
                    std::runtime_error);
    CHECK(watched.use_count() == 1);
    CHECK(box.put(watched));
  }
  CHECK(watched.use_count() == 1);
}

TEST_CASE("inbox: of four threads' items none is lost, each thread's keep their order, and a taker "
          "that sleeps is always woken") {
  constexpr int threads = 4, each = 20'000;
  inbox<std::pair<int, int>> box;
  std::atomic<int> wake_ups{0};
  std::vector<std::jthread> putters;
  for (int t = 0; t < threads; ++t)
    putters.emplace_back([&, t] {
      for (int i = 0; i < each; ++i)
        if (box.put({t, i})) {
          ++wake_ups;
          wake_ups.notify_one();
        }
    });
  std::vector<int> next(threads, 0);
  int taken = 0, in_order = 0;
  for (int seen = 0; taken < threads * each; ++seen) {
    wake_ups.wait(seen); // each wake-up is one batch
    box.take([&](std::pair<int, int>&& item) {
      auto& expected = next[static_cast<std::size_t>(item.first)];
      in_order += item.second == expected ? 1 : 0;
      ++expected;
      ++taken;
    });
  }
  CHECK(in_order == threads * each);
}
