#include <cstdio>
#include <iostream>
#include <optional>
#include <random>
#include <set>
#include <string>

#include "oracle.hpp"
#include "redis/redis_world.hpp"
#include "seed_number.hpp"

// usage: redis_simulation [FIRST_SEED [COUNT]]
//        redis_simulation sabotage
// Callers and servers meet at a simulated Redis, in virtual time. At every step a link may break,
// a node may die, and Redis may restart with or without its data. The seed decides everything.
namespace {

using namespace std::chrono_literals;
using patio::errc;
using patio::result;
using patio::value;

class run {
public:
  explicit run(std::uint64_t seed, bool forgets = false) : random_{seed}, forgets_{forgets} {}

  std::vector<std::string> go() {
    for (int i = 0; i < 2; ++i) callers_.insert(world_.add());
    for (int i = 0; i < 2; ++i) servers_.insert(add_server());
    for (int i = 0; i < 300; ++i) {
      step();
      collect();
    }
    finish();
    return oracle_.verdict();
  }
  [[nodiscard]] const patio::simulation::oracle& oracle() const { return oracle_; }
  /// The functions that a cancellation has stopped before they began to compute.
  [[nodiscard]] std::size_t stopped() const { return stopped_; }

private:
  using number = redis_world::number;

  std::size_t draw(std::size_t n) {
    return std::uniform_int_distribution<std::size_t>{0, n - 1}(random_);
  }
  number one_of(const std::set<number>& all) {
    return *std::next(all.begin(), static_cast<std::ptrdiff_t>(draw(all.size())));
  }
  number any() { return draw(2) == 0 ? one_of(callers_) : one_of(servers_); }

  number add_server() {
    patio::registry r{{.project = "t"}};
    for (const auto* name : {"f0", "f1", "f2"})
      r.add(name, [this](std::int64_t call) {
        oracle_.executed(call);
        return call;
      });
    return world_.add(r, 1 + draw(3));
  }

  void step() {
    switch (draw(17)) {
    case 0:
    case 1: return begin_call();
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7: return void(world_.move_bytes(any(), draw(3) == 0 ? std::string::npos : 1 + draw(80)));
    case 8:
    case 9: return run_one(one_of(servers_));
    case 10:
    case 11:
    case 12: return pass(std::chrono::milliseconds{draw(300)});
    case 13: return world_.move_abandoned(1 + draw(100));
    case 14: return draw(4) == 0 ? cancel_one() : run_one(one_of(servers_));
    default: return draw(3) == 0 ? fault() : world_.handle_events(any());
    }
  }

  // A function that is stopped early has a caller that has given the call up.
  void run_one(number server) {
    auto& waiting = world_.at(server).to_run;
    if (waiting.empty()) return;
    const auto& task = waiting.front();
    auto call = task.args.positional.at(0).as_int64().value();
    if (task.stop.stop_requested() && task.deadline > world_.now) {
      ++stopped_;
      if (open_.contains(call)) oracle_.complain(call, "stopped, though its caller waits for it");
    }
    world_.run_one(server);
  }

  void begin_call() {
    auto caller = one_of(callers_);
    auto call = oracle_.begin();
    constexpr double times[] = {0.5, 2, 30};
    auto timeout = draw(4) == 0 ? value{} : value{times[draw(3)]};
    auto id = world_.at(caller).node.call(static_cast<std::uint64_t>(call),
                                          {"f" + std::to_string(draw(3)), {{call}, {}}, timeout},
                                          world_.now);
    open_[call] = {caller, id};
  }

  void fault() {
    auto n = any();
    auto& wires = world_.at(n).wires;
    switch (draw(10)) {
    case 0: return kill(n);
    case 1: return world_.restart(draw(2) == 0);
    case 2: return cancel_one();
    case 3: return world_.break_all(n);
    default: break;
    }
    if (wires.empty()) return;
    auto link = std::next(wires.begin(), static_cast<std::ptrdiff_t>(draw(wires.size())))->first;
    if (draw(2) == 0) world_.break_link(n, link);
    else world_.abandon_link(n, link);
  }

  void cancel_one() {
    if (open_.empty()) return;
    auto& [caller, id] =
      std::next(open_.begin(), static_cast<std::ptrdiff_t>(draw(open_.size())))->second;
    world_.at(caller).node.cancel(id, world_.now);
  }

  // The calls of a dead caller end with it.
  void kill(number n) {
    collect();
    world_.kill(n);
    if (servers_.erase(n) > 0) return void(servers_.insert(add_server()));
    callers_.erase(n);
    callers_.insert(world_.add());
    std::erase_if(open_, [&](const auto& entry) {
      if (entry.second.first != n) return false;
      oracle_.ended(entry.first, patio::fail(errc::shut_down, {}));
      return true;
    });
  }

  void pass(std::chrono::nanoseconds d) {
    world_.now += d;
    world_.tick();
  }

  // Takes the ends of calls. A call that ended with the proof that it was not executed must never
  // be executed, whatever happens later.
  void collect() {
    for (auto n : callers_) {
      auto& p = world_.at(n);
      world_.handle_events(n);
      for (auto& [token, r] : p.ended) {
        auto call = static_cast<std::int64_t>(token);
        if (forgets_ && !r && r.error().code == errc::timeout) {
          forgets_ = false;
          continue;
        }
        for (int i = 0; i < p.ends[token]; ++i) oracle_.ended(call, r);
        bool proved = !r && r.error().remedy == patio::remedy::repetition;
        if (proved) proved_.insert(call);
        open_.erase(call);
      }
      p.ended.clear();
      p.ends.clear();
    }
  }

  void finish() {
    for (int i = 0; i < 170; ++i) {
      if (i == 80)
        for (auto n : callers_) world_.break_all(n); // ends the calls without a timeout
      pass(1s);
      world_.move_abandoned(std::string::npos);
      world_.settle();
      collect();
      for (auto n : servers_)
        for (; !world_.at(n).to_run.empty(); world_.settle()) run_one(n);
      collect();
    }
    for (auto call : proved_)
      if (oracle_.executions(call) > 0) oracle_.complain(call, "executed, though proved not to be");
    for (const auto& key : world_.redis.keys_without_expiry())
      oracle_.complain(-1, "the key " + key + " never expires");
    for (auto n : callers_)
      if (world_.at(n).node.calls().table().size() > 0)
        oracle_.complain(-1, "a caller keeps a call");
    for (auto n : servers_)
      if (world_.at(n).node.server().running() > 0) oracle_.complain(-1, "a server keeps a task");
  }

  std::mt19937_64 random_;
  bool forgets_;
  redis_world world_;
  patio::simulation::oracle oracle_;
  std::set<number> callers_, servers_;
  std::map<std::int64_t, std::pair<number, patio::redis::call_number>> open_;
  std::set<std::int64_t> proved_;
  std::size_t stopped_ = 0;
};

int run_seeds(std::uint64_t first, std::uint64_t count) {
  std::map<std::string, std::size_t> sums;
  std::size_t calls = 0, stopped = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    run r{seed};
    auto wrong = r.go();
    calls += r.oracle().calls();
    stopped += r.stopped();
    for (const auto& [ending, n] : r.oracle().account()) sums[ending] += n;
    if (wrong.empty()) continue;
    std::cout << "seed " << seed << " failed; `redis_simulation " << seed << " 1` replays it\n";
    for (const auto& line : wrong) std::cout << "  " << line << '\n';
    return 1;
  }
  std::cout << count << " seeds from " << first << ", " << calls << " calls, each ended once:";
  for (const auto& [ending, n] : sums) std::cout << ' ' << ending << ' ' << n;
  std::cout << "; " << stopped << " functions stopped early\n";
  return 0;
}

/// Shows that the oracle detects a forgotten call.
int sabotage() {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    if (!run{seed}.go().empty()) return std::puts("an honest run failed"), 1;
    if (!run{seed, true}.go().empty()) return std::puts("the forgotten call was seen"), 0;
  }
  return std::puts("no forgotten call was seen"), 1;
}

} // namespace

int main(int argc, char** argv) {
  std::vector<std::string> words{argv + 1, argv + argc};
  if (!words.empty() && words[0] == "sabotage") return sabotage();
  auto number = [&](std::size_t at, std::uint64_t otherwise) {
    return words.size() > at ? patio::simulation::read_number(words[at]) : otherwise;
  };
  auto first = number(0, 1), count = number(1, 1000);
  if (first && count && words.size() <= 2) return run_seeds(*first, *count);
  std::fputs("usage: redis_simulation [FIRST_SEED [COUNT]], both whole numbers, or sabotage\n",
             stderr);
  return 2;
}
