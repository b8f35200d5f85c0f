/// The options of a process pool and of its worker processes. Values.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <patio/base/backoff.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/python_types.hpp>

namespace patio {

class replaceable_inputs;

/// Files and folders that the functions of a confined worker may open. A folder stands for all that
/// is below it.
struct process_paths {
  std::vector<std::string> readable = {};
  std::vector<std::string> writable = {}; ///< also readable; files may be created and removed there
};

/// What a worker process may use. The worker applies the limits to itself before it runs a
/// function.
struct process_limits {
  /// Address space of a worker in bytes (RLIMIT_AS). A function that exceeds this limit gets
  /// std::bad_alloc.
  std::optional<std::size_t> memory_bytes = {};
  /// Processor time of one call (RLIMIT_CPU), rounded up to seconds. The kernel ends a worker that
  /// uses more with SIGXCPU.
  std::optional<std::chrono::seconds> cpu_time = {};
  int niceness = 0; ///< added to the niceness of the parent, 0 to 19
  /// A worker and the programs that it starts cannot gain privileges (PR_SET_NO_NEW_PRIVS).
  bool no_new_privileges = true;
  /// Functions get EPERM from system calls that they do not need to compute: those that start
  /// programs, trace processes, mount file systems, load modules, set the clock and the like
  /// (seccomp). Includes no_new_privileges.
  bool refuse_system_calls = false;
  /// Functions can open only these files (landlock). The pool's log says so if the kernel lacks
  /// landlock, and the pool then refuses all calls. Includes no_new_privileges.
  std::optional<process_paths> paths = {};
  /// Bytes of one call's pickled arguments, or of one pickled result.
  std::size_t message_bytes = std::size_t{64} << 20;
};

struct process_pool_options {
  /// Worker processes, and functions that run at the same time; at least 1.
  std::size_t workers = 4;
  /// Calls that may wait, for each worker. The pool refuses further calls with errc::overloaded.
  std::size_t queue_per_worker = limits{}.queue_per_worker;
  /// The program of the workers. The default is this process's own program, even if its file has
  /// been replaced or deleted.
  std::string executable = "/proc/self/exe";
  /// Arguments and files of the workers (worker_inputs.hpp). Without a value, they get none.
  std::shared_ptr<replaceable_inputs> inputs = {};
  /// The pool replaces a worker after so many calls. Without a value, it never does.
  std::optional<std::size_t> calls_per_worker = {};
  process_limits per_worker = {};
  /// Longest time from the start of a process until it is ready.
  std::chrono::nanoseconds start_timeout = std::chrono::seconds{10};
  /// A function whose caller has given up, or whose deadline has passed, has so long to return.
  /// Then the pool kills its worker.
  std::chrono::nanoseconds kill_delay = std::chrono::seconds{1};
  /// The delay before a lost worker is replaced. The bound doubles while a worker completes no
  /// call.
  backoff_options replace = {.first_delay = std::chrono::milliseconds{10},
                             .longest_delay = std::chrono::milliseconds{500}};
  /// So many workers in a row that end before they have done any work open the breaker: the pool
  /// starts no further workers for a while, and refuses calls if it has no worker left.
  std::size_t failures_to_open = 5;
  /// How long the breaker stays open. The bound doubles until a worker completes a call.
  backoff_options reopen = {.first_delay = std::chrono::seconds{1},
                            .longest_delay = std::chrono::seconds{30}};
  /// Classes in arguments and results, in addition to the built-in classes.
  python_types types = python_types::standard();
};

/// What the program of the workers adds in run_if_worker.
struct worker_options {
  /// Runs once in each worker before its first call, for example to load data. An exception ends
  /// the worker and is reported to the pool.
  std::function<void()> on_start = {};
  /// As in process_pool_options.
  python_types types = python_types::standard();
};

} // namespace patio
