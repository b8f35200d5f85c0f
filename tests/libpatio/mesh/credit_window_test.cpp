#include <patio/mesh/credit_window.hpp>

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using patio::mesh::credit_window;

namespace {

/// A pool that begins `rate` requests a second, and a caller that always uses all its credit.
struct greedy_caller {
  credit_window window;
  std::uint64_t arrived = 0, begun = 0;

  /// The caller fills the window, and the pool empties it.
  void round(double rate) {
    auto waiting = window.size();
    arrived += waiting;
    window.ask_for_more(arrived);
    window.update(arrived, begun, 0ns);
    begun = arrived;
    window.update(arrived, begun,
                  std::chrono::nanoseconds{
                    static_cast<std::int64_t>(1e9 * static_cast<double>(waiting) / rate)});
  }
  std::size_t after_rounds(int rounds, double rate) {
    for (int i = 0; i < rounds; ++i) round(rate);
    return window.size();
  }
};

} // namespace

TEST_CASE("credit window: a window begins with 16 requests, within its bounds") {
  CHECK(credit_window{{4, 1000}}.size() == 16);
  CHECK(credit_window{{4, 10}}.size() == 10);
  CHECK(credit_window{{40, 1000}}.size() == 40);
  CHECK(credit_window{{40, 3}}.size() == 3);
  CHECK(credit_window{{0, 0}}.size() == 1);
}

TEST_CASE("credit window: a window holds some tens of milliseconds of work, at any speed") {
  for (double rate : {1'000.0, 10'000.0, 100'000.0, 1e6}) {
    greedy_caller c{credit_window{{4, 1'000'000}}};
    auto size = static_cast<double>(c.after_rounds(30, rate));
    INFO(rate);
    CHECK(size / rate > 0.0125);
    CHECK(size / rate <= 0.05);
  }
}

TEST_CASE("credit window: a pool that needs longer for one request than the target gets the "
          "smallest window") {
  greedy_caller c{credit_window{{4, 1'000'000}}};
  CHECK(c.after_rounds(5, 2) == 4);
}

TEST_CASE("credit window: a window follows a pool that becomes slow and fast again") {
  greedy_caller c{credit_window{{4, 1'000'000}}};
  CHECK(c.after_rounds(30, 1e6) > 10'000);
  CHECK(c.after_rounds(3, 100) <= 8);
  CHECK(c.after_rounds(30, 1e6) > 10'000);
}

TEST_CASE("credit window: a window does not grow while its caller does not ask for more") {
  credit_window w{{4, 1000}};
  for (std::uint64_t n = 1; n < 100; ++n) w.update(n, n, 1us);
  CHECK(w.size() == 16);
  w.ask_for_more(100);
  w.update(100, 100, 1us);
  CHECK(w.size() == 32);
  w.update(200, 200, 1us);
  CHECK(w.size() == 32);
}

TEST_CASE("credit window: a window does not grow before the requests that filled it have begun") {
  credit_window w{{4, 1000}};
  w.ask_for_more(16);
  for (std::uint64_t begun = 0; begun < 16; ++begun) {
    w.update(16, begun, 1us);
    CHECK(w.size() == 16);
  }
  w.update(16, 16, 1us);
  CHECK(w.size() == 32);
}

TEST_CASE("credit window: a window does not grow if its requests wait for more than half of the "
          "target, and shrinks once for requests of one filling") {
  credit_window w{{1, 1000}};
  w.ask_for_more(16);
  w.update(16, 16, 26ms);
  CHECK(w.size() == 16);
  w.update(32, 17, 100ms);
  CHECK(w.size() == 8);
  w.update(32, 32, 100ms);
  CHECK(w.size() == 8);
  w.update(40, 33, 100ms);
  CHECK(w.size() == 4);
}

TEST_CASE("credit window: no wait and no request take a window out of its bounds") {
  greedy_caller c{credit_window{{4, 100}}};
  CHECK(c.after_rounds(30, 1e9) == 100);
  for (auto wait : {std::chrono::nanoseconds::max(), std::chrono::nanoseconds::min()}) {
    credit_window w{{4, 100}};
    w.ask_for_more(0);
    w.update(1000, 1000, wait);
    CHECK(w.size() == (wait > 0ns ? 4 : 32));
  }
}
