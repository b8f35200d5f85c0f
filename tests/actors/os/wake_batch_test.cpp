#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include <patio/actors/os/wake_batch.hpp>

using patio::wake_batch;

TEST_CASE("wake_batch: wake-ups happen at the end of the outermost scope, in their order") {
  std::vector<int> woken;
  auto wake = [&](int n) { wake_batch::run([&woken, n] { woken.push_back(n); }); };
  wake(1);
  CHECK(woken == std::vector{1});
  {
    wake_batch outer;
    wake(2);
    {
      wake_batch inner;
      wake(3);
    }
    CHECK(woken == std::vector{1});
    std::thread{[&] { wake(4); }}.join(); // another thread has a scope of its own
    CHECK(woken == std::vector{1, 4});
  }
  CHECK(woken == std::vector{1, 4, 2, 3});
}
