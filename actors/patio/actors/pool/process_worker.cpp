#include <patio/actors/pool/process_worker.hpp>

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <system_error>
#include <variant>

#include <patio/actors/os/huge_pages.hpp>
#include <patio/actors/pool/process_channel.hpp>
#include <patio/actors/pool/process_confinement.hpp>
#include <patio/actors/pool/process_messages.hpp>
#include <patio/actors/pool/process_watcher.hpp>
#include <patio/functions/python_error.hpp>
#include <patio/protocol/frame_output.hpp>

namespace patio {
namespace {

using protocol::packet;

tl::unexpected<error> failed_call(const char* name) {
  return fail(errc::invalid,
              std::string{name} + " failed: " + std::system_category().message(errno));
}

/// Applies the limits to this process. The memory that it shares with the pool does not count.
result<void> apply(const process_limits& l, std::size_t shared_bytes) {
  if (l.memory_bytes) {
    auto bytes = *l.memory_bytes + std::min(shared_bytes, RLIM_INFINITY - *l.memory_bytes);
    rlimit memory{bytes, bytes};
    if (::setrlimit(RLIMIT_AS, &memory) != 0) return failed_call("setrlimit(RLIMIT_AS)");
  }
  errno = 0;
  if (l.niceness != 0 && ::nice(l.niceness) == -1 && errno != 0) return failed_call("nice");
  return confine(l);
}

/// Lets the process use so much processor time from now on. The hard limit stays as it is, so that
/// the next call can set the soft limit again.
void limit_cpu(std::chrono::seconds more) {
  rusage used{};
  rlimit limit{};
  if (::getrusage(RUSAGE_SELF, &used) != 0 || ::getrlimit(RLIMIT_CPU, &limit) != 0) return;
  auto seconds = used.ru_utime.tv_sec + used.ru_stime.tv_sec + 1 + more.count();
  limit.rlim_cur = std::min(limit.rlim_max, static_cast<rlim_t>(seconds));
  (void)::setrlimit(RLIMIT_CPU, &limit);
}

/// Returns the text of the exception that is being handled. It is not empty.
std::string reason_of_exception() {
  try {
    throw;
  } catch (const call_error& e) { // has an error of this library, and not one of a function
    if (auto text = text_of(e.why()); !text.empty()) return text;
  } catch (...) {}
  return to_string(current_exception_error());
}

class worker_process {
public:
  worker_process(const std::function<registry()>& functions, const worker_options& options)
      : options_{options} {
    try {
      functions_ = functions();
    } catch (...) {
      failure_ = reason_of_exception();
    }
    functions_.lock();
  }

  [[noreturn]] void run() {
    auto settings = read_settings(channel_.read(packet::discover_request, handshake_bytes).payload);
    if (!settings) exit_worker(settings.error().message);
    limits_ = settings->limits;
    auto messages = message_options(limits_.message_bytes, options_.types);
    channel_.open(messages);
    auto hello = prepare(*settings);
    std::string bytes;
    protocol::frame_writer w{bytes, packet::discover_response, 0};
    bytes += write_hello(hello);
    (void)w.close(std::string::npos);
    channel_.write(bytes);
    for (;;) {
      auto request = channel_.read_request();
      channel_.answer(request.serial,
                      call(request.serial, request.payload, messages->limits.pickle));
    }
  }

private:
  worker_hello prepare(const worker_settings& settings) {
    worker_hello hello{.digest = digest_of(functions_), .failure = failure_};
    if (!failure_.empty()) return hello;
    if (hello.digest != settings.digest) hello.functions = signatures_of(functions_);
    if (settings.version != worker_protocol_version || hello.digest != settings.digest)
      return hello;
    if (auto applied = apply(limits_, channel_.area_bytes()); !applied) {
      hello.failure = applied.error().message;
      return hello;
    }
    watcher_.emplace(); // its thread inherits the confinement
    if (!options_.on_start) return hello;
    try {
      options_.on_start();
    } catch (...) {
      hello.failure = "the start-up function failed: " + to_string(current_exception_error());
    }
    return hello;
  }

  result<value> call(std::uint32_t serial, std::string_view payload,
                     const pickle_limits& limits) try {
    auto request = read_call_request(payload, limits, options_.types);
    if (!request) return tl::unexpected(std::move(request.error()));
    const auto* entry = functions_.find(request->function);
    if (!entry) return fail(errc::no_route, "'" + request->function + "'");
    if (limits_.cpu_time) limit_cpu(*limits_.cpu_time);
    if (const auto* immediate = std::get_if<immediate_function>(&entry->run))
      return (*immediate)(std::move(request->args));
    process_watcher::stoppable_call running{*watcher_, serial};
    if (const auto* stoppable = std::get_if<stoppable_function>(&entry->run))
      return (*stoppable)(std::move(request->args), running.stop_token());
    return call_later(std::get<deferred_function>(entry->run), std::move(request->args),
                      running.stop_token());
  } catch (...) { // no memory for the arguments
    return tl::unexpected(current_exception_error());
  }

  // The promise is shared, because the function may drop its reply on another thread while this
  // thread already returns.
  static result<value> call_later(const deferred_function& f, arguments&& args,
                                  std::stop_token stop) {
    auto promise = std::make_shared<std::promise<result<value>>>();
    auto answered = promise->get_future();
    f(std::move(args),
      reply{[promise](result<value> r) { promise->set_value(std::move(r)); }, errc::remote_error,
            std::move(stop)},
      nullptr);
    return answered.get();
  }

  registry functions_;
  std::string failure_; ///< why there are no functions
  const worker_options& options_;
  process_limits limits_;
  process_channel channel_;
  std::optional<process_watcher> watcher_;
};

// This runs before the program starts threads. The kernel sends SIGKILL when the parent ends. A
// parent that has ended before this call has closed its end of the socket.
void bind_to_parent() {
  (void)::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  for (int fd : {worker_socket, worker_memory}) (void)::fcntl(fd, F_SETFD, FD_CLOEXEC);
  (void)::unsetenv(worker_variable);
  process_watcher::block_stop_signal();
}

} // namespace

void run_if_worker(int argc, char** argv, const std::function<registry()>& functions,
                   const worker_options& options) {
  if (argc < 2 || argv[1] != worker_argument) return;
  if (!std::getenv(worker_variable))
    exit_worker(std::string{worker_argument} + " is only for workers that a process pool starts");
  bind_to_parent();
  use_huge_pages();
  try {
    worker_process{functions, options}.run();
  } catch (...) {
    exit_worker(to_string(current_exception_error()));
  }
}

} // namespace patio
