// The decisions of a process pool in a model, which a seed decides.
#include <doctest/doctest.h>

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
      : random_{seed},
        processes_(1 + random_() % 4), crew_{{.workers = processes_.size(), .calls_per_worker = 3},
                                             seed} {
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

private:
  enum class life : std::uint8_t { none, starting, alive, dying };
  struct process {
    life now_is = life::none;
    std::uint64_t run = 0; ///< 0 while it runs nothing
  };

  void step(std::size_t what) {
    auto number = random_() % processes_.size();
    auto& p = processes_[number];
    switch (what) {
    case 0:
      if (last_ == 40) break;
      ++last_;
      crew_.announce({last_ % processes_.size(), last_}, now_);
      break;
    case 1: become_ready(number, p); break;
    case 2: answer(number, p); break;
    case 3:
      if (p.now_is != life::none && random_() % 4 == 0) exit(number, p);
      break;
    case 4: crew_.tick(now_ += std::chrono::milliseconds{random_() % 700}); break;
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
    if (p.now_is != life::alive || p.run == 0) return;
    ++ends_[std::exchange(p.run, 0)];
    if (crew_.answered(number, now_)) crew_.skipped(number, now_);
  }
  void exit(std::size_t number, process& p) {
    p.now_is = life::none;
    crew_.exited(number, "exit status 1", now_);
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
      REQUIRE(p.run == 0);
      p.run = a.what.run;
      crew_.began(a.process, a.what, now_ + 2s);
      break;
    case act::refuse: ++ends_[a.what.run]; break;
    case act::end_call:
      ++lost_;
      ++ends_[std::exchange(p.run, 0)];
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
  std::size_t lost_ = 0;
};

} // namespace

TEST_CASE("process_crew: in random work each run ends once, and no process gets two runs") {
  auto seed = test_seed();
  std::size_t lost = 0;
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    CAPTURE(seed + i);
    crew_model model{seed + i};
    model.run(200);
    lost += model.lost();
  }
  CHECK(lost > 1'000);
}
