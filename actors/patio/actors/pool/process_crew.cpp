#include <patio/actors/pool/process_crew.hpp>

#include <algorithm>
#include <chrono>
#include <utility>

namespace patio {
namespace {

/// An idle process that ends later than this after its start does not count as a failure.
constexpr std::chrono::seconds proven_after{10};

std::string seconds_text(std::chrono::nanoseconds time) {
  auto ms = std::chrono::ceil<std::chrono::milliseconds>(time).count();
  return ms % 1000 == 0 ? std::to_string(ms / 1000) + " s" : std::to_string(ms) + " ms";
}

// A program without run_if_worker is the most probable reason.
std::string hint_at_main(const process_pool_options& options) {
  return " (does the main function of " + options.executable + " begin with patio::run_if_worker?)";
}

} // namespace

process_crew::process_crew(process_pool_options options, std::uint64_t seed)
    : options_{std::move(options)}, reopen_{options_.reopen, seed} {
  for (std::size_t i = 0; i < std::max<std::size_t>(options_.workers, 1); ++i) {
    processes_.emplace_back();
    processes_.back().delay = backoff{options_.replace, seed + i + 1};
  }
}

void process_crew::act(enum action::kind kind, std::size_t number, slot_run what, error why) {
  actions_.push_back({kind, number, what, std::move(why)});
}

void process_crew::announce(slot_run what, instant now) {
  runs_.push_back(what);
  assign(now);
}

void process_crew::assign(instant now) {
  if (refuse_if_dead(now)) return;
  while (!runs_.empty()) {
    auto number = process_for_next(now);
    if (!number) return;
    auto& p = processes_[*number];
    p.now_is = state::busy;
    ++p.load;
    act(action::kind::begin, *number, runs_.front());
    runs_.pop_front();
  }
}

// Takes the lowest idle process, so that the other processes stay out of the caches. If there is
// none, takes the process with the fewest calls.
std::optional<std::size_t> process_crew::process_for_next(instant now) const noexcept {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    const auto& p = processes_[i];
    if (p.now_is == state::idle) return i;
    if (p.now_is == state::busy && has_room(p, now) && (!best || p.load < processes_[*best].load))
      best = i;
  }
  return best;
}

// A process that has not answered for a while runs a slow call. Further calls must not wait there.
bool process_crew::has_room(const process& p, instant now) const noexcept {
  if (p.must_retire) return false;
  if (p.load == 0) return true;
  if (p.load >= depth_.value() || now - p.since > batch_depth::quick / 2) return false;
  return !options_.calls_per_worker || p.calls + p.load < *options_.calls_per_worker;
}

// Refuses the calls if no process is left, and the breaker lets none start.
bool process_crew::refuse_if_dead(instant now) {
  auto is_left = [](const process& p) {
    return p.now_is == state::starting || p.now_is == state::idle || p.now_is == state::busy;
  };
  if (!is_open_ || std::ranges::any_of(processes_, is_left)) return false;
  for (auto what : std::exchange(runs_, {}))
    act(action::kind::refuse, 0, what,
        {errc::overloaded,
         "no worker process runs: " + last_failure_ + "; the next attempt is in "
           + seconds_text(std::max(open_until_ - now, instant::zero())),
         {}});
  return true;
}

void process_crew::began(std::size_t number, slot_run what, instant deadline, instant now) {
  auto& p = processes_[number];
  if (p.now_is != state::busy) return;
  p.what = what;
  p.since = now;
  p.take_back_at = now + batch_depth::quick;
  p.stop_at = deadline;
  p.kill_at = after(deadline, options_.kill_delay);
  p.kill_reason = "killed " + seconds_text(options_.kill_delay) + " after the deadline of its call";
}

void process_crew::skipped(std::size_t number, instant now) {
  auto& p = processes_[number];
  if (p.now_is != state::busy) return;
  if (--p.load > 0) return;
  p.stop_at = p.kill_at = never;
  if (p.must_retire) return retire(number, now);
  p.now_is = state::idle;
  assign(now);
}

bool process_crew::answered(std::size_t number, instant now) {
  auto& p = processes_[number];
  if (p.now_is != state::busy) return false; // the process is killed
  p.stop_at = p.kill_at = never;
  p.delay.succeeded();
  reopen_.succeeded();
  failures_ = 0;
  ++p.calls;
  --p.load;
  depth_.answered_after(now - std::exchange(p.since, now));
  if (options_.calls_per_worker && p.calls >= *options_.calls_per_worker) p.must_retire = true;
  if (p.load == 0 && p.must_retire) {
    retire(number, now);
    return false;
  }
  if (runs_.empty() && has_room(p, now)) {
    ++p.load;
    return true;
  }
  if (p.load == 0) p.now_is = state::idle;
  assign(now);
  return false;
}

void process_crew::replace_all(instant now) {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    auto& p = processes_[i];
    if (p.now_is == state::waiting || p.now_is == state::ending) continue;
    p.must_retire = true;
    if (p.now_is == state::idle) retire(i, now);
    if (p.now_is == state::busy && p.load > 1) act(action::kind::take_back, i);
  }
}

// The process has no call, so it ends when it reads the end of its input.
void process_crew::retire(std::size_t number, instant now) {
  auto& p = processes_[number];
  p.now_is = state::ending;
  p.is_retired = true;
  p.kill_at = after(now, options_.kill_delay);
  p.kill_reason = "it did not end";
  act(action::kind::end_input, number);
}

void process_crew::ready(std::size_t number, instant now) {
  auto& p = processes_[number];
  if (p.now_is != state::starting) return;
  p.now_is = state::idle;
  p.kill_at = never;
  p.ready_at = now;
  p.calls = 0;
  if (p.must_retire) retire(number, now);
  if (std::exchange(is_open_, false)) {
    // One more failure opens the breaker again, until a call has been completed.
    failures_ = std::max<std::size_t>(options_.failures_to_open, 1) - 1;
    start_due(now);
  }
  assign(now);
}

void process_crew::stop(std::size_t number, slot_run what, instant now) {
  auto& p = processes_[number];
  if (p.now_is != state::busy || p.what != what) return;
  act(action::kind::stop_call, number);
  p.stop_at = never;
  auto kill_at = after(now, options_.kill_delay);
  if (kill_at >= p.kill_at) return;
  p.kill_at = kill_at;
  p.kill_reason =
    "killed " + seconds_text(options_.kill_delay) + " after its caller had given up the call";
}

void process_crew::broke(std::size_t number, const std::string& why, instant now, bool is_final) {
  if (is_final) failures_ = std::max(failures_, options_.failures_to_open);
  kill(number, why, now);
}

void process_crew::closed(std::size_t number, instant now) {
  auto& p = processes_[number];
  auto kill_at = after(now, options_.kill_delay);
  if (p.now_is == state::waiting || kill_at >= p.kill_at) return;
  p.kill_at = kill_at;
  p.stop_at = never;
  p.kill_reason = "it closed its socket";
}

bool process_crew::is_unproven(const process& p, instant now) const noexcept {
  return p.now_is == state::starting
         || (p.now_is == state::idle && p.calls == 0 && now - p.ready_at < proven_after);
}

void process_crew::kill(std::size_t number, const std::string& why, instant now) {
  auto& p = processes_[number];
  if (p.now_is == state::waiting) return;
  act(action::kind::kill, number);
  p.stop_at = p.kill_at = never;
  if (p.now_is == state::ending) return;
  p.is_failure = is_unproven(p, now);
  p.reason = why;
  if (p.now_is == state::busy) end_calls(number, why);
  p.now_is = state::ending;
}

void process_crew::end_calls(std::size_t number, const std::string& why) {
  processes_[number].load = 0;
  act(action::kind::end_calls, number, {}, {errc::maybe_executed, "worker lost: " + why, {}});
}

void process_crew::exited(std::size_t number, const std::string& how, instant now,
                          bool began_nothing) {
  auto& p = processes_[number];
  if (p.now_is == state::waiting) return;
  if (p.now_is == state::busy && began_nothing) p.now_is = state::idle;
  auto why = p.reason.empty() ? how : std::exchange(p.reason, {});
  if (p.now_is == state::busy) end_calls(number, why);
  if (p.now_is != state::ending) p.is_failure = is_unproven(p, now);
  if (p.now_is == state::starting) why += " before it was ready" + hint_at_main(options_);
  replace(number, why, now);
}

void process_crew::not_started(std::size_t number, const std::string& why, instant now) {
  processes_[number].is_failure = true;
  replace(number, why, now);
}

void process_crew::replace(std::size_t number, const std::string& how, instant now) {
  auto& p = processes_[number];
  bool is_retired = std::exchange(p.is_retired, false);
  bool is_failure = std::exchange(p.is_failure, false);
  p.now_is = state::waiting;
  p.must_retire = false;
  p.calls = p.load = 0;
  p.stop_at = p.kill_at = never;
  p.start_at = is_retired ? now : after(now, p.delay.failed());
  if (is_failure) count_failure(number, how, now);
  else if (!is_retired) act(action::kind::log, number, {}, {errc::maybe_executed, how, {}});
  start_due(now);
  assign(now);
}

void process_crew::count_failure(std::size_t number, const std::string& how, instant now) {
  act(action::kind::log, number, {}, {errc::invalid, how, {}});
  last_failure_ = how;
  if (++failures_ >= options_.failures_to_open) open(now);
}

void process_crew::open(instant now) {
  is_open_ = true;
  auto wait = reopen_.failed();
  open_until_ = after(now, wait);
  act(action::kind::log, 0, {},
      {errc::overloaded,
       std::to_string(failures_) + " workers in a row have failed, the last: " + last_failure_
         + "; the next attempt is in " + seconds_text(wait),
       {}});
}

// While the breaker is open, one process at a time starts as a probe.
bool process_crew::may_start() const noexcept {
  return !is_open_ || std::ranges::none_of(processes_, [](const process& p) {
    return p.now_is == state::starting;
  });
}

void process_crew::start_due(instant now) {
  if (is_open_ && open_until_ > now) return;
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    auto& p = processes_[i];
    if (p.now_is != state::waiting || p.start_at > now || !may_start()) continue;
    p.now_is = state::starting;
    p.kill_at = after(now, options_.start_timeout);
    p.kill_reason =
      "it was not ready after " + seconds_text(options_.start_timeout) + hint_at_main(options_);
    act(action::kind::start, i);
  }
}

void process_crew::tick(instant now) {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    auto& p = processes_[i];
    if (p.kill_at <= now) {
      kill(i, std::string{p.kill_reason}, now);
    } else if (p.stop_at <= now) {
      p.stop_at = never;
      act(action::kind::stop_call, i);
    }
    if (p.now_is == state::busy && p.load > 1 && p.take_back_at <= now) {
      p.take_back_at = now + batch_depth::quick;
      depth_.slow_down();
      act(action::kind::take_back, i);
    }
  }
  start_due(now);
  assign(now);
}

instant process_crew::next_deadline() const noexcept {
  auto next = never;
  for (const auto& p : processes_) {
    next = std::min({next, p.stop_at, p.kill_at});
    if (p.now_is == state::busy && p.load > 1) next = std::min(next, p.take_back_at);
    if (p.now_is == state::waiting && may_start())
      next = std::min(next, is_open_ ? std::max(p.start_at, open_until_) : p.start_at);
  }
  return next;
}

} // namespace patio
