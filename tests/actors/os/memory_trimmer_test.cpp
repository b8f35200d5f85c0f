// Freed memory that malloc keeps, in virtual time.
#include <doctest/doctest.h>

#include <malloc.h>

#include <memory>
#include <vector>

#include <patio/actors/os/memory_trimmer.hpp>

using namespace patio;
using namespace std::chrono_literals;

namespace {

/// Makes malloc keep many free pages between blocks that are in use.
class fragmented_heap {
public:
  fragmented_heap() {
    constexpr std::size_t block = 16'384;
    std::vector<std::unique_ptr<char[]>> all;
    for (std::size_t bytes = 0; bytes < std::size_t{64} << 20; bytes += block)
      all.push_back(std::make_unique<char[]>(block)); // touches every page
    for (std::size_t i = 0; i < all.size(); i += 64) kept_.push_back(std::move(all[i]));
  }

private:
  std::vector<std::unique_ptr<char[]>> kept_;
};

struct trimmer_in_virtual_time {
  memory_trimmer trimmer;
  instant now = clock_now();
  std::chrono::nanoseconds cpu{};

  bool check_after(std::chrono::nanoseconds used) {
    now += memory_trimmer::interval;
    cpu += used;
    return trimmer.check(now, cpu);
  }
};

} // namespace

TEST_CASE(
  "memory_trimmer: a busy process keeps its memory, and a quiet one gives back what it does "
  "not use") {
  trimmer_in_virtual_time t;
  fragmented_heap heap;
  CHECK(!t.check_after(5s));
  CHECK(t.check_after(10ms));
  CHECK(!t.check_after(10ms)); // there is nothing left to give back
}

TEST_CASE("memory_trimmer: memory that is in use is no reason to trim") {
  trimmer_in_virtual_time t;
  (void)t.check_after(0ms); // earlier tests may have left something
  std::vector<std::unique_ptr<char[]>> used;
  for (int i = 0; i < 4096; ++i) used.push_back(std::make_unique<char[]>(16'384));
  CHECK(!t.check_after(10ms));
}
