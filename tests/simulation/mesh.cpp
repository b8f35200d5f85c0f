#include "mesh.hpp"

namespace patio::simulation {

mesh::mesh(settings s) : settings_{s}, clock_{s.seed} {
  auto count = 2 + clock_.below(5);
  for (std::size_t i = 0; i < count; ++i) all_.push_back(std::make_unique<participant>(*this, i));
  for (auto& p : all_) p->start();
  for (std::size_t from = 0; from < count; ++from)
    for (std::size_t to = 0; to < count; ++to)
      if (from != to && (to == (from + 1) % count || clock_.chance(0.5))) {
        // The keys are also the nodes to dial after a restart.
        all_[from]->backoffs_.try_emplace(to, backoff_options{}, from * 100 + to);
        clock_.after(clock_.duration(std::chrono::seconds{1}),
                     [this, from, to] { all_[from]->dial(to); });
      }
}

void mesh::schedule_calls() {
  static constexpr const char* wanted[] = {
    "f0", "f1", "f2", "f3", "relay", "relay", "nobody_has_this"};
  auto count = 50 + clock_.below(150);
  for (std::uint64_t i = 0; i < count; ++i)
    clock_.at(
      instant{settings_.trouble} * static_cast<std::int64_t>(clock_.below(1000)) / 1000, [this] {
        value timeout;
        if (clock_.chance(0.6))
          timeout = static_cast<double>(clock_.duration(std::chrono::seconds{20}).count()) / 1e9;
        auto& caller = any();
        const auto* name = wanted[clock_.below(std::size(wanted))];
        auto burst = clock_.chance(0.05) ? clock_.below(40) : 1; // more than a callee has room for
        for (std::uint64_t n = 0; n < burst; ++n) caller.call(name, timeout);
      });
}

void mesh::schedule_faults() {
  auto count = clock_.below(25);
  for (std::uint64_t i = 0; i < count; ++i)
    clock_.at(instant{settings_.trouble} * static_cast<std::int64_t>(clock_.below(1000)) / 1000,
              [this] { break_something(); });
}

void mesh::break_something() {
  std::erase_if(links_, [](const std::weak_ptr<link>& l) { return l.expired(); });
  auto kind = settings_.only_restarts ? 5 : clock_.below(6);
  if (kind == 0 || kind == 5) {
    auto number = clock_.below(all_.size());
    if (kind == 0) all_[number]->crash();
    else all_[number]->go_away();
    return bring_back(number);
  }
  if (links_.empty()) return;
  auto broken = links_[clock_.below(links_.size())].lock();
  if (!broken || !broken->open()) return;
  if (kind == 1) return broken->reset();
  if (kind == 2) return broken->half_close(static_cast<int>(clock_.below(2)));
  broken->stall(clock_.duration(std::chrono::seconds{kind == 3 ? 2 : 40}));
}

void mesh::bring_back(std::size_t number) {
  clock_.after(clock_.duration(std::chrono::seconds{5}), [this, number] {
    auto& p = *all_[number];
    if (p.running()) return p.is_draining_ ? bring_back(number) : void();
    p.start();
    for (auto& [to, b] : p.backoffs_) p.dial(to);
  });
}

std::vector<std::string> mesh::run() {
  schedule_calls();
  schedule_faults();
  clock_.run_until(settings_.trouble);
  healed_ = true;
  for (auto& p : all_) {
    if (!p->running()) {
      p->start();
      for (auto& [to, b] : p->backoffs_) p->dial(to);
    }
    p->wake_hung();
  }
  clock_.run_until(instant{settings_.trouble} + settings_.quiet);
  auto wrong = oracle_.verdict();
  if (settings_.only_restarts)
    for (const auto* lost : {"not_sent", "maybe_executed", "shut_down"})
      if (auto n = oracle_.account()[lost]; n > 0)
        wrong.push_back(std::to_string(n) + " calls ended as " + lost + " by a restart");
  for (const auto& p : all_)
    for (auto& line : p->leftovers()) wrong.push_back(std::move(line));
  return wrong;
}

} // namespace patio::simulation
