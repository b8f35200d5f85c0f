#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

extern char** environ;

namespace patio::tests {
namespace {

using clock = std::chrono::steady_clock;

int remaining_ms(clock::time_point deadline) {
  return static_cast<int>(std::max<std::int64_t>(
    0, std::chrono::ceil<std::chrono::milliseconds>(deadline - clock::now()).count()));
}

std::vector<std::string> merged_environment(const process::environment& variables) {
  std::vector<std::string> all;
  for (char** e = environ; *e; ++e)
    if (!variables.contains(std::string(*e, strcspn(*e, "=")))) all.emplace_back(*e);
  for (const auto& [name, v] : variables) all.push_back(name + "=" + v);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (auto& t : texts) all.push_back(t.data());
  all.push_back(nullptr);
  return all;
}

} // namespace

line_reader::~line_reader() {
  if (fd_ >= 0) ::close(fd_);
}

std::optional<std::string> line_reader::line(std::chrono::seconds time_limit) {
  auto deadline = clock::now() + time_limit;
  for (;;) {
    if (auto end = buffer_.find('\n'); end != std::string::npos) {
      auto first = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return first;
    }
    pollfd readable{fd_, POLLIN, 0};
    if (::poll(&readable, 1, remaining_ms(deadline)) <= 0)
      throw std::runtime_error{"no line in time"};
    char chunk[4096];
    auto n = ::read(fd_, chunk, sizeof chunk);
    if (n <= 0) return {};
    buffer_.append(chunk, static_cast<std::size_t>(n));
  }
}

std::string line_reader::rest() {
  std::string all;
  while (auto next = line()) all += *next + "\n";
  return all + std::exchange(buffer_, {});
}

process::process(std::vector<std::string> command, const environment& variables, errors err)
    : command_{std::move(command)} {
  int to_child[2], from_child[2], errors_of_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0
      || ::pipe2(errors_of_child, O_CLOEXEC) != 0)
    throw std::runtime_error{"no pipe"};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to_child[0], 0);
  posix_spawn_file_actions_adddup2(&actions, from_child[1], 1);
  if (err == errors::captured) posix_spawn_file_actions_adddup2(&actions, errors_of_child[1], 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  auto merged = merged_environment(variables);
  auto failed = ::posix_spawnp(&pid_, command_[0].c_str(), &actions, &attributes,
                               pointers(command_).data(), pointers(merged).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  for (int end_of_child : {to_child[0], from_child[1], errors_of_child[1]}) ::close(end_of_child);
  in_ = to_child[1];
  out_.open(from_child[0]);
  err_.open(errors_of_child[0]);
  if (failed != 0) throw std::runtime_error{command_[0] + ": " + std::strerror(failed)};
}

process::~process() {
  close_input();
  if (pid_ > 0) {
    ::kill(-pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void process::close_input() {
  if (in_ >= 0) ::close(std::exchange(in_, -1));
}

void process::write(std::string_view text) {
  for (std::size_t done = 0; done < text.size();) {
    auto n = ::write(in_, text.data() + done, text.size() - done);
    if (n <= 0) throw std::runtime_error{command_[0] + " does not read its input"};
    done += static_cast<std::size_t>(n);
  }
}

std::string process::await(const std::string& prefix) {
  while (auto line = read_line())
    if (line->starts_with(prefix)) return line->substr(prefix.size());
  throw std::runtime_error{command_[0] + " ended before it printed '" + prefix + "'"};
}

void process::signal(int number) { ::kill(pid_, number); }

int process::wait(std::chrono::seconds time_limit) {
  // A process descriptor becomes readable when the process ends, so the wait needs no polling loop.
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  pollfd ended{fd, POLLIN, 0};
  auto ready = ::poll(&ended, 1, static_cast<int>(std::chrono::milliseconds{time_limit}.count()));
  ::close(fd);
  if (ready <= 0) throw std::runtime_error{command_[0] + " did not end in time"};
  int status = 0;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

finished run(std::vector<std::string> command, const process::environment& variables,
             std::string_view input) {
  process child{std::move(command), variables, process::errors::captured};
  child.write(input);
  child.close_input();
  // Standard error is read last. It is short enough for the pipe, so the child never blocks on it.
  auto out = child.read_all();
  auto err = child.error_lines().rest();
  return {child.wait(), std::move(out), std::move(err)};
}

std::string python() {
  const char* path = std::getenv("PATIO_PYTHON");
  return path ? path : "";
}

} // namespace patio::tests
