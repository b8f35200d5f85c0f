// A thousand workers of a process pool are killed at random, while 200 calls are in flight.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <sstream>
#include <vector>

#include "pool/process_fixture.hpp"
#include "seed.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t workers = 8, in_flight = 200, kills = 1'000;

/// The functions append one record for each run to this file.
class run_file {
public:
  run_file() : path_{"process_kill_runs." + std::to_string(::getpid())} { ::unlink(path_.c_str()); }
  ~run_file() { ::unlink(path_.c_str()); }
  run_file(const run_file&) = delete;
  run_file& operator=(const run_file&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Returns the processes that ran each call, by the number of the call.
  [[nodiscard]] std::multimap<std::int64_t, pid_t> read() const {
    std::multimap<std::int64_t, pid_t> all;
    std::ifstream in{path_};
    std::int64_t number = 0;
    for (pid_t pid = 0; in >> number >> pid;) all.emplace(number, pid);
    return all;
  }

private:
  std::string path_;
};

/// A place where calls meet: each announces itself, and then waits until the test opens the place.
class meeting {
public:
  meeting() : out_{"out"}, in_{"in"} {}
  /// Starts a call for each worker, and returns how long it took until all of them ran at once.
  std::chrono::nanoseconds hold(process_test& p) {
    auto begin = clock_now();
    std::vector<outcome> all;
    for (std::size_t i = 0; i < workers; ++i) all.push_back(p.start("meet", {out_.path, in_.path}));
    await(workers);
    auto took = clock_now() - begin;
    std::string tickets(workers, 'x');
    REQUIRE(::write(in_.fd, tickets.data(), tickets.size()) == static_cast<ssize_t>(workers));
    for (auto& o : all) CHECK(ended(o));
    return took;
  }

private:
  struct pipe_file {
    explicit pipe_file(const char* name)
        : path{"process_kill_" + std::string{name} + "." + std::to_string(::getpid())} {
      ::unlink(path.c_str());
      REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
      fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
      REQUIRE(fd >= 0);
    }
    ~pipe_file() {
      ::close(fd);
      ::unlink(path.c_str());
    }
    pipe_file(const pipe_file&) = delete;
    pipe_file& operator=(const pipe_file&) = delete;
    std::string path;
    int fd = -1;
  };

  void await(std::size_t count) const {
    for (char byte = 0; count > 0; --count) {
      pollfd ready{out_.fd, POLLIN, 0};
      REQUIRE(::poll(&ready, 1, 20'000) == 1);
      REQUIRE(::read(out_.fd, &byte, 1) == 1);
    }
  }

  pipe_file out_, in_;
};

/// Returns the states of this process's children, by number.
std::map<pid_t, char> children() {
  std::map<pid_t, char> all;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc"}) {
    auto pid = static_cast<pid_t>(std::atoi(entry.path().filename().c_str()));
    std::ifstream stat{entry.path() / "stat"};
    std::string line;
    if (pid == 0 || !std::getline(stat, line)) continue;
    std::istringstream rest{line.substr(line.rfind(')') + 1)};
    char state = 0;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == ::getpid()) all.emplace(pid, state);
  }
  return all;
}

/// Keeps calls in flight and kills workers that have answered, as a seed decides.
class kill_run {
public:
  kill_run(process_test& p, std::uint64_t seed) : pool_{p}, random_{seed} {}

  void run() {
    while (killed_.size() < kills) {
      top_up();
      take();
      if (random_() % 4 == 0) kill_one();
    }
    while (!flying_.empty()) take();
  }
  void kill_all() {
    while (!alive_.empty()) kill_one();
  }

  void check() const {
    auto runs = runs_.read();
    std::size_t begun = 0;
    for (auto number : lost_) {
      auto at = runs.find(number);
      if (at == runs.end()) continue; // the worker had read the request, and not begun the call
      ++begun;
      CHECK(killed_.contains(at->second));
    }
    for (std::int64_t number = 0; number < last_; ++number) REQUIRE(runs.count(number) <= 1);
    CHECK(runs.size() == static_cast<std::size_t>(last_) - lost_.size() + begun);
    CHECK(lost_.size() <= killed_.size());
    CHECK(lost_.size() > kills / 10);
    MESSAGE(last_, " calls, ", killed_.size(), " kills, ", lost_.size(), " calls lost, of which ",
            begun, " had begun");
  }

private:
  void top_up() {
    for (; flying_.size() < in_flight; ++last_)
      flying_.emplace_back(last_, pool_.start("record", {runs_.path(), last_}));
  }
  void take() {
    auto number = flying_.front().first;
    auto answer = ended(flying_.front().second);
    flying_.pop_front();
    if (answer) return note_alive(static_cast<pid_t>(from_value<std::int64_t>(*answer).value()));
    CHECK(answer.error().code == errc::maybe_executed);
    CHECK(answer.error().message == "worker lost: signal 9 (SIGKILL)");
    lost_.push_back(number);
  }
  void note_alive(pid_t pid) {
    if (!killed_.contains(pid)) alive_.insert(pid);
  }
  void kill_one() {
    if (alive_.empty()) return;
    auto at = std::next(alive_.begin(), static_cast<std::ptrdiff_t>(random_() % alive_.size()));
    REQUIRE(::kill(*at, SIGKILL) == 0);
    killed_.insert(*at);
    alive_.erase(at);
  }

  process_test& pool_;
  std::mt19937_64 random_;
  run_file runs_;
  std::deque<std::pair<std::int64_t, outcome>> flying_;
  std::set<pid_t> alive_, killed_;
  std::vector<std::int64_t> lost_;
  std::int64_t last_ = 0;
};

} // namespace

TEST_CASE("process pool: a thousand kills with 200 calls in flight fail only the calls that ran on "
          "a killed worker") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=", seed);
  MESSAGE("PATIO_TEST_SEED=", seed);
  auto at_first = count_descriptors();
  {
    meeting place;
    process_test p{{.workers = workers}};
    place.hold(p); // all workers have started
    auto before = count_descriptors();
    kill_run test{p, seed};
    test.run();
    test.check();
    test.kill_all();
    CHECK(place.hold(p) < 1s); // the pool is back to its size
    auto left = children();
    CHECK(left.size() == workers);
    CHECK(std::ranges::none_of(left, [](auto& child) { return child.second == 'Z'; }));
    CHECK(count_descriptors() == before);
  }
  CHECK(count_descriptors() == at_first);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);
}
