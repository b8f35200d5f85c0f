/// Decides for the worker processes of a pool when each process starts, gets a call, is stopped,
/// killed and replaced. Without processes, sockets and clock: the host reports events with the
/// time, and carries out the actions. One thread uses a crew.
///
/// A slot is a worker number of the pool_core. Any process may run the call of any slot. A process
/// has one call, and while calls are quick also the next ones, so that one system call moves many.
/// The batch_depth is how many calls a process may have. When a process does not answer quickly,
/// the crew takes back the calls that the process has not begun.
///
/// The breaker opens after `failures_to_open` failures in a row. A failure is a process that ends
/// before it is ready, or soon after, without having run a call. While the breaker is open, no
/// process starts. After a delay one process starts as a probe. Its success closes the breaker.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <patio/actors/pool/batch_depth.hpp>
#include <patio/actors/pool/process_options.hpp>
#include <patio/base/time.hpp>
#include <patio/value/error.hpp>

namespace patio {

/// A run of the pool_core, and the worker number that the core has given it.
struct slot_run {
  std::size_t slot = 0;
  std::uint64_t run = 0;
  friend bool operator==(const slot_run&, const slot_run&) = default;
};

class process_crew {
public:
  /// What the host does. `process` is the number of a process, from 0.
  struct action {
    enum class kind : std::uint8_t {
      start,     ///< starts the process
      kill,      ///< kills the process with all processes that it has started
      end_input, ///< closes the process's input, so that it ends by itself
      stop_call, ///< requests a stop of the function that the process runs
      begin,     ///< gives `what` to the process, or calls `skipped`
      refuse,    ///< begins `what` and answers it with `why`
      end_calls, ///< answers the calls that the process has begun with `why`; the others are not
                 ///< lost
      take_back, ///< takes back the calls that the process has not begun, and calls `skipped` for
                 ///< each
      log,       ///< logs `why`
    } kind;
    std::size_t process = 0;
    slot_run what = {};
    error why = {};
  };

  process_crew(process_pool_options options, std::uint64_t seed);

  /// The pool has assigned a run to a slot.
  void announce(slot_run what, instant now);
  /// The process could not be started.
  void not_started(std::size_t process, const std::string& why, instant now);
  /// The process has sent a good hello.
  void ready(std::size_t process, instant now);
  /// The process works on this call, which has this deadline, before its other calls.
  void began(std::size_t process, slot_run what, instant deadline, instant now);
  /// The process does not get the run of a `begin`, or has it no more.
  void skipped(std::size_t process, instant now);
  /// The process has answered its call. Returns true if the process gets the next call of the same
  /// slot. If that slot has none, `skipped` follows.
  [[nodiscard]] bool answered(std::size_t process, instant now);
  /// Nobody waits for the result of this run any more.
  void stop(std::size_t process, slot_run what, instant now);
  /// The process sent what it must not send, or cannot work. `is_final` says that another attempt
  /// would fail the same way, so the breaker opens at once.
  void broke(std::size_t process, const std::string& why, instant now, bool is_final = false);
  /// The process has closed its end of the socket. It should end soon.
  void closed(std::size_t process, instant now);
  /// The process has ended and does not exist any more. The crew ends the calls that it had, unless
  /// it had begun none of them.
  void exited(std::size_t process, const std::string& how, instant now, bool began_nothing = false);
  /// The processes that run, or are about to run, are out of date. A new process takes the place of
  /// each as soon as it has completed the call that it has begun.
  void replace_all(instant now);
  void tick(instant now);

  /// Returns the actions that are due, in order.
  [[nodiscard]] std::vector<action> take_actions() { return std::exchange(actions_, {}); }
  /// Returns the time of the next `tick`, or `never`.
  [[nodiscard]] instant next_deadline() const noexcept;
  /// Calls that each process may have.
  [[nodiscard]] std::size_t depth() const noexcept { return depth_.value(); }

private:
  enum class state : std::uint8_t { waiting, starting, idle, busy, ending };
  struct process {
    state now_is = state::waiting;
    instant start_at = instant::zero();
    instant stop_at = never, kill_at = never;
    std::string kill_reason; ///< why the process is killed at `kill_at`
    std::string reason;      ///< why the crew has killed the process; empty if it has not
    slot_run what;           ///< the call that it works on
    std::size_t load = 0;    ///< calls that it has
    std::size_t calls = 0;   ///< calls that it has answered
    instant since = never;   ///< time of its last answer, or of its first call
    instant take_back_at = never;
    instant ready_at = never;
    bool is_failure = false;  ///< its end counts as a failure
    bool must_retire = false; ///< gets no further calls, and ends when it has none
    bool is_retired = false;  ///< ends because it is to be replaced
    backoff delay;
  };

  void start_due(instant now);
  void assign(instant now);
  [[nodiscard]] bool refuse_if_dead(instant now);
  void kill(std::size_t number, const std::string& why, instant now);
  void end_calls(std::size_t number, const std::string& why);
  void retire(std::size_t number, instant now);
  void replace(std::size_t number, const std::string& how, instant now);
  void count_failure(std::size_t number, const std::string& how, instant now);
  void open(instant now);
  [[nodiscard]] std::optional<std::size_t> process_for_next(instant now) const noexcept;
  [[nodiscard]] bool has_room(const process& p, instant now) const noexcept;
  [[nodiscard]] bool is_unproven(const process& p, instant now) const noexcept;
  [[nodiscard]] bool may_start() const noexcept;
  void act(enum action::kind kind, std::size_t number, slot_run what = {}, error why = {});

  const process_pool_options options_;
  std::vector<process> processes_;
  std::deque<slot_run> runs_; ///< announced, and no process has been free for them
  std::vector<action> actions_;
  std::size_t failures_ = 0; ///< in a row
  std::string last_failure_;
  batch_depth depth_;
  backoff reopen_;
  instant open_until_ = never;
  bool is_open_ = false;
};

} // namespace patio
