// The decisions of a process pool in a model, which a seed decides.
#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include <patio/actors/pool/process_crew.hpp>

#include "seed.hpp"

using namespace patio;
using namespace std::chrono_literals;

namespace {

using act = enum process_crew::action::kind;

/// A crew whose processes are played by a seed.
class crew_model {
public:
  explicit crew_model(std::uint64_t seed)
      : random_{seed}, processes_(1 + random_() % 4), crew_{options(), seed} {
    crew_.tick(now_);
    take();
  }

  void run(std::size_t steps) {
    for (std::size_t i = 0; i < steps; ++i) step(random_() % 6);
    for (int i = 0; i < 10'000 && ends_.size() < last_; ++i) step(1 + random_() % 5);
    REQUIRE(ends_.size() == last_);
    for (auto [number, times] : ends_) {
      CAPTURE(number);
      REQUIRE(number != 0);
      REQUIRE(times == 1);
    }
  }
  [[nodiscard]] std::size_t lost() const noexcept { return lost_; }
  /// The most runs that a process had at the same time.
  [[nodiscard]] std::size_t most() const noexcept { return most_; }

private:
  enum class life : std::uint8_t { none, starting, alive, dying };
  struct process {
    life now_is = life::none;
    std::deque<slot_run> runs = {};
  };

  process_pool_options options() {
    process_pool_options o{.workers = processes_.size()};
    if (random_() % 2 == 0) o.calls_per_worker = 3 + random_() % 10;
    return o;
  }

  void step(std::size_t what) {
    auto number = random_() % processes_.size();
    auto& p = processes_[number];
    switch (what) {
    case 0:
      for (auto more = random_() % 20; more > 0 && last_ < 200; --more) {
        ++last_;
        crew_.announce({last_ % 64, last_}, now_);
      }
      break;
    case 1: become_ready(number, p); break;
    case 2: answer(number, p); break;
    case 3:
      if (p.now_is != life::none && random_() % 4 == 0) exit(number, p);
      break;
    case 4:
      crew_.tick(now_ += std::chrono::milliseconds{random_() % 700});
      if (random_() % 16 == 0) crew_.replace_all(now_);
      break;
    default:
      if (p.now_is == life::dying) exit(number, p);
    }
    take();
  }
  void become_ready(std::size_t number, process& p) {
    if (p.now_is != life::starting) return;
    p.now_is = life::alive;
    crew_.ready(number, now_);
  }
  void answer(std::size_t number, process& p) {
    if (p.now_is != life::alive || p.runs.empty()) return;
    ++ends_[p.runs.front().run];
    p.runs.pop_front();
    bool goes_on = crew_.answered(number, now_);
    note_head(number, p);
    if (goes_on) crew_.skipped(number, now_);
  }
  void note_head(std::size_t number, const process& p) {
    if (!p.runs.empty()) crew_.began(number, p.runs.front(), now_ + 2s, now_);
  }
  void exit(std::size_t number, process& p) {
    p.now_is = life::none;
    bool began_nothing = p.runs.empty() || random_() % 2 == 0;
    std::deque<slot_run> again;
    if (began_nothing) again.swap(p.runs);
    crew_.exited(number, "exit status 1", now_, began_nothing);
    for (auto what : again) crew_.announce(what, now_);
  }
  /// The process has not begun the runs from a number on. Returns their count.
  std::size_t announce_again(process& p, std::size_t from) {
    std::vector<slot_run> again;
    while (p.runs.size() > from) {
      again.push_back(p.runs[from]);
      p.runs.erase(p.runs.begin() + static_cast<std::ptrdiff_t>(from));
    }
    for (auto what : again) crew_.announce(what, now_);
    return again.size();
  }

  void take() {
    for (auto actions = crew_.take_actions(); !actions.empty(); actions = crew_.take_actions())
      for (auto& a : actions) carry_out(a, processes_[a.process]);
  }
  void carry_out(const process_crew::action& a, process& p) {
    switch (a.kind) {
    case act::start:
      REQUIRE(p.now_is == life::none);
      p.now_is = life::starting;
      break;
    case act::kill:
    case act::end_input:
      if (p.now_is != life::none) p.now_is = life::dying;
      break;
    case act::begin:
      REQUIRE(p.now_is == life::alive);
      p.runs.push_back(a.what);
      most_ = std::max(most_, p.runs.size());
      REQUIRE(most_ <= batch_depth::max);
      if (p.runs.size() == 1) note_head(a.process, p);
      break;
    case act::refuse: ++ends_[a.what.run]; break;
    case act::end_calls:
      announce_again(p, 1);
      if (p.runs.empty()) break;
      ++lost_;
      ++ends_[p.runs.front().run];
      p.runs.clear();
      break;
    case act::take_back:
      for (auto count = announce_again(p, 1); count > 0; --count) crew_.skipped(a.process, now_);
      break;
    case act::stop_call:
    case act::log: break;
    }
  }

  std::mt19937_64 random_;
  std::vector<process> processes_;
  process_crew crew_;
  instant now_ = 1s;
  std::map<std::uint64_t, int> ends_; ///< by run
  std::uint64_t last_ = 0;            ///< the last announced run
  std::size_t lost_ = 0, most_ = 0;
};

} // namespace

TEST_CASE("process_crew: in random work each run ends once, and no process gets too many") {
  auto seed = test_seed();
  std::size_t lost = 0, most = 0;
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    CAPTURE(seed + i);
    crew_model model{seed + i};
    model.run(200);
    lost += model.lost();
    most = std::max(most, model.most());
  }
  CHECK(lost > 1'000);
  CHECK(most > 4);
}
