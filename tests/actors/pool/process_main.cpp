// The test program of process pools is also the program of its workers.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include <caf/all.hpp>

#include <patio/actors/os/signals.hpp>
#include <patio/actors/pool/actor_function.hpp>

#include "process_functions.hpp"

namespace patio::tests {
namespace {

constexpr int socket_of_worker = 3;

[[noreturn]] void wait_forever() {
  for (;;) ::pause();
}

/// Writes the number of its process to a named pipe at which the test waits, then never returns.
void hang(const std::string& fifo) {
  int fd = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
  auto number = std::to_string(::getpid());
  (void)!::write(fd, number.data(), number.size());
  wait_forever();
}

/// Returns the processor time in seconds at which the kernel ends this process; -1 for none.
std::int64_t cpu_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_CPU, &limit);
  return limit.rlim_cur == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(limit.rlim_cur);
}

void stop_self() { ::raise(SIGSTOP); }

/// Sends bytes that are not an answer, then never returns.
void send_raw(const std::string& bytes) {
  (void)!::send(socket_of_worker, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  wait_forever();
}

/// Sends bytes that are not a whole answer, and ends.
void send_half(const std::string& bytes) {
  (void)!::send(socket_of_worker, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::_exit(0);
}

/// Ends while a grandchild keeps the socket open.
void leave_grandchild() {
  if (::fork() == 0) wait_forever();
  ::_exit(7);
}

std::vector<std::int64_t> descriptors() {
  std::vector<std::int64_t> all;
  for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"})
    all.push_back(std::stoll(entry.path().filename()));
  return all;
}

std::int64_t await_stop(std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock{mutex};
  stopped.wait(lock, stop, [] { return false; });
  return 1;
}

std::string allocate(std::int64_t mib) {
  return std::string(static_cast<std::size_t>(mib) << 20, 'x').substr(0, 1);
}

} // namespace

registry process_functions() {
  registry rpc{{.auto_naming = false}};
  rpc.add("add", [](std::int64_t a, std::int64_t b) { return a + b; });
  rpc.add("echo", [](value v) { return v; });
  rpc.add("pid", [] { return static_cast<std::int64_t>(::getpid()); });
  rpc.add("raise", [](std::int64_t number) { ::raise(static_cast<int>(number)); });
  rpc.add("exit", [](std::int64_t status) { ::_exit(static_cast<int>(status)); });
  rpc.add("fail", [] { throw std::out_of_range{"no such thing"}; });
  rpc.add("hang", hang);
  rpc.add("cpu_limit", cpu_limit);
  rpc.add("stop_self", stop_self);
  rpc.add("send_raw", send_raw);
  rpc.add("send_half", send_half);
  rpc.add("leave_grandchild", leave_grandchild);
  rpc.add("descriptors", descriptors);
  rpc.add("await_stop", await_stop);
  rpc.add("allocate", allocate);
  rpc.add("large",
          [](std::int64_t bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); });
  rpc.add("later", [](reply_to<std::int64_t> reply, std::int64_t n) {
    std::thread{[reply = std::make_shared<reply_to<std::int64_t>>(std::move(reply)), n] {
      reply->answer(n);
    }}.detach();
  });
  rpc.add("actor", [](caf::event_based_actor*, std::int64_t n) { return n; });
  return rpc;
}

registry other_functions() {
  auto rpc = process_functions();
  rpc.remove("add");
  rpc.add("add", [](std::int64_t a) { return a; });
  return rpc;
}

} // namespace patio::tests

int main(int argc, char** argv) {
  const char* variant = std::getenv("PATIO_TEST_WORKER");
  std::string name = variant ? variant : "";
  auto functions =
    name == "other" ? patio::tests::other_functions : patio::tests::process_functions;
  if (name == "exits" && std::getenv("PATIO_WORKER")) return 3;
  patio::worker_options options;
  if (name == "fails") options.on_start = [] { throw std::runtime_error{"no data"}; };
  patio::run_if_worker(argc, argv, functions, options);
  patio::block_signals();
  doctest::Context context{argc, argv};
  auto failed = context.run();
  return failed;
}
