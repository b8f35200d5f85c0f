// The test program of process pools is also the program of its workers.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>

#include <caf/all.hpp>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/pool/actor_function.hpp>
#include <patio/actors/pool/process_messages.hpp>
#include <patio/actors/pool/worker_inputs.hpp>
#include <patio/protocol/frame.hpp>

#include "process_functions.hpp"

namespace patio::tests {
namespace {

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

/// Appends a record of this run to a file, and then computes for a moment. Every fourth number
/// blocks for longer. Returns the process.
std::int64_t record(const std::string& path, std::int64_t number) {
  auto line = std::to_string(number) + " " + std::to_string(::getpid()) + "\n";
  int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  (void)!::write(fd, line.data(), line.size());
  ::close(fd);
  if (number % 4 == 0) ::poll(nullptr, 0, 3);
  for (auto end = clock_now() + std::chrono::microseconds{100}; clock_now() < end;) {}
  return ::getpid();
}

/// Announces itself in one named pipe, and waits for a byte in another.
void meet(const std::string& out, const std::string& in) {
  char byte = 'x';
  int announced = ::open(out.c_str(), O_WRONLY | O_CLOEXEC);
  (void)!::write(announced, &byte, 1);
  int ticket = ::open(in.c_str(), O_RDONLY | O_CLOEXEC);
  (void)!::read(ticket, &byte, 1);
  ::close(announced);
  ::close(ticket);
}

void stop_self() { ::raise(SIGSTOP); }

/// Sends bytes that are not an answer, then never returns.
void send_raw(const std::string& bytes) {
  (void)!::send(worker_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  wait_forever();
}

/// Sends bytes that are not a whole answer, and ends.
void send_half(const std::string& bytes) {
  (void)!::send(worker_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::_exit(0);
}

/// Ends while a grandchild keeps the socket open.
void leave_grandchild() {
  if (::fork() == 0) wait_forever();
  ::_exit(7);
}

/// Ends while a grandchild in a session of its own keeps the socket open. The grandchild writes its
/// number to a named pipe.
void leave_session(const std::string& fifo) {
  int ends[2];
  (void)!::pipe(ends);
  if (::fork() == 0) {
    ::setsid();
    ::close(ends[0]);
    ::close(ends[1]); // ends the read below
    hang(fifo);
  }
  ::close(ends[1]);
  char byte = 0;
  (void)!::read(ends[0], &byte, 1);
  ::_exit(7);
}

/// Allocates all memory that the process can get, except for a little.
void fill_memory() {
  static std::vector<std::unique_ptr<char[]>> kept;
  kept.reserve(1 << 20);
  try {
    for (;;) kept.push_back(std::make_unique<char[]>(std::size_t{1} << 20));
  } catch (const std::bad_alloc&) {
    kept.resize(kept.size() - std::min<std::size_t>(kept.size(), 8));
  }
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

/// The first of the arguments in the worker's inputs.
std::string first_argument;

/// Returns the first argument and the content of the first file of the worker's inputs.
std::pair<std::string, std::string> inputs() {
  char text[64] = {};
  (void)!::pread(first_worker_file, text, sizeof text - 1, 0);
  return {first_argument, text};
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
  rpc.add("record", record);
  rpc.add("meet", meet);
  rpc.add("stop_self", stop_self);
  rpc.add("send_raw", send_raw);
  rpc.add("send_half", send_half);
  rpc.add("leave_grandchild", leave_grandchild);
  rpc.add("leave_session", leave_session);
  rpc.add("fill_memory", fill_memory);
  rpc.add("descriptors", descriptors);
  rpc.add("await_stop", await_stop);
  rpc.add("allocate", allocate);
  rpc.add("inputs", inputs);
  rpc.add("large",
          [](std::int64_t bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); });
  rpc.add("large_bytes", [](std::int64_t bytes) {
    return value::bytes(std::string(static_cast<std::size_t>(bytes), 'x'));
  });
  rpc.add("later", [](reply_to<std::int64_t> reply, std::int64_t n) {
    std::thread{[reply = std::make_shared<reply_to<std::int64_t>>(std::move(reply)), n] {
      reply->answer(n);
    }}.detach();
  });
  add_confined_functions(rpc);
  add_hostile_functions(rpc);
  rpc.add("actor", [](caf::event_based_actor*, std::int64_t n) { return n; });
  return rpc;
}

registry other_functions() {
  auto rpc = process_functions();
  rpc.remove("add");
  rpc.add("add", [](std::int64_t a) { return a; });
  return rpc;
}

registry throw_error() { throw std::runtime_error{"no model"}; }

} // namespace patio::tests

/// Says hello as a worker of another version.
int say_hello_of_version(std::int64_t version) {
  using namespace patio;
  std::string bytes;
  protocol::frame_writer frame{bytes, protocol::packet::discover_response, 0};
  bytes += write_hello({.version = version, .digest = {}});
  (void)frame.close(std::string::npos);
  (void)!::send(worker_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  ::pause();
  return 0;
}

int main(int argc, char** argv) {
  const char* variant = std::getenv("PATIO_TEST_WORKER");
  std::string name = variant ? variant : "";
  auto functions =
    name == "other" ? patio::tests::other_functions : patio::tests::process_functions;
  if (name == "throws") functions = patio::tests::throw_error;
  if (argc > 2) patio::tests::first_argument = argv[2];
  if (name == "exits" && std::getenv("PATIO_WORKER")) return 3;
  if (name == "aborts" && std::getenv("PATIO_WORKER")) std::abort();
  if (name == "hangs" && std::getenv("PATIO_WORKER")) return ::pause();
  if (name == "version" && std::getenv("PATIO_WORKER")) return say_hello_of_version(999);
  patio::worker_options options;
  if (name == "fails") options.on_start = [] { throw std::runtime_error{"no data"}; };
  patio::run_if_worker(argc, argv, functions, options);
  patio::block_signals();
  doctest::Context context{argc, argv};
  auto failed = context.run();
  return failed;
}
