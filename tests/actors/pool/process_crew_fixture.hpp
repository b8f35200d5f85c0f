/// A crew in virtual time, for the tests of its decisions.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include <patio/actors/pool/process_crew.hpp>

namespace patio::tests {

using namespace std::chrono_literals;

using act = enum process_crew::action::kind;

/// A crew, its time, and the actions that it has asked for.
class crew_test {
public:
  explicit crew_test(process_pool_options options) : crew{std::move(options), 1} { tick(0s); }

  void tick(std::chrono::nanoseconds pass) {
    now += pass;
    crew.tick(now);
    take();
  }
  /// Lets time pass until the crew has something to do.
  void tick_when_due() {
    REQUIRE(crew.next_deadline() != never);
    now = std::max(now, crew.next_deadline());
    tick(0s);
  }
  void take() {
    actions.clear();
    for (auto& a : crew.take_actions())
      if (a.kind != act::log) actions.push_back(std::move(a));
  }
  [[nodiscard]] std::size_t count(act k) const {
    return static_cast<std::size_t>(std::ranges::count(actions, k, &process_crew::action::kind));
  }
  [[nodiscard]] const process_crew::action& only(act k) const {
    REQUIRE(count(k) == 1);
    return *std::ranges::find(actions, k, &process_crew::action::kind);
  }
  void ready(std::size_t process) {
    crew.ready(process, now);
    take();
  }
  void announce(slot_run what, instant deadline = never) {
    crew.announce(what, now);
    take();
    if (count(act::begin) > 0) crew.began(only(act::begin).process, what, deadline, now);
  }
  void exited(std::size_t process, const std::string& how = "signal 9 (SIGKILL)") {
    crew.exited(process, how, now);
    take();
  }

  /// Process 0 has one call. It answers, and gets another one, until the crew has this depth.
  void become_quick(std::size_t depth) {
    for (int i = 0; crew.depth() < depth; ++i) {
      REQUIRE(i < 1'000);
      if (crew.answered(0, now)) crew.skipped(0, now);
      announce({0, 1});
    }
    if (crew.answered(0, now)) crew.skipped(0, now);
    take();
  }

  process_crew crew;
  instant now = 100s;
  std::vector<process_crew::action> actions;
};

} // namespace patio::tests
