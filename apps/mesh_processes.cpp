#include "mesh_processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <utility>

extern char** environ;

namespace patio::apps {
namespace {

void close_fd(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

/// Starts the command with these descriptors as standard input and output. Returns 0 or an errno.
int spawn(const std::vector<std::string>& command, int in, int out, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none); // a child must not inherit blocked signals
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  auto failed = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

} // namespace

mesh_processes::~mesh_processes() {
  for (auto& c : children_) reap(c, true);
}

bool mesh_processes::start(std::size_t node, const std::vector<std::string>& command) {
  int in[2], out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) return false;
  if (::pipe2(out, O_CLOEXEC) != 0) {
    ::close(in[0]);
    ::close(in[1]);
    return false;
  }
  pid_t pid = -1;
  auto failed = spawn(command, in[0], out[1], pid);
  ::close(in[0]);
  ::close(out[1]);
  if (children_.size() <= node) children_.resize(node + 1);
  children_[node] = {failed == 0 ? pid : -1, in[1], out[0], {}};
  if (failed != 0)
    std::cerr << "patio: cannot start " << command[0] << ": " << std::strerror(failed) << '\n';
  return failed == 0;
}

void mesh_processes::send_line(std::size_t node, const std::string& line) {
  if (!is_running(node)) return;
  auto text = line + "\n";
  (void)!::write(children_[node].in, text.data(), text.size());
}

void mesh_processes::kill(std::size_t node) {
  if (!is_running(node)) return;
  auto& c = children_[node];
  ::kill(c.pid, SIGKILL);
  ::waitpid(std::exchange(c.pid, -1), nullptr, 0);
  while (c.out >= 0) read_from(node);
  close_fd(c.in);
}

void mesh_processes::reap(child& c, bool kill_first) {
  close_fd(c.in);
  close_fd(c.out);
  if (c.pid <= 0) return;
  if (kill_first) ::kill(c.pid, SIGKILL);
  ::waitpid(std::exchange(c.pid, -1), nullptr, 0);
}

void mesh_processes::read_from(std::size_t node) {
  auto& c = children_[node];
  char chunk[65'536];
  auto n = ::read(c.out, chunk, sizeof chunk);
  if (n <= 0) return close_fd(c.out);
  c.buffer.append(chunk, static_cast<std::size_t>(n));
  std::size_t begin = 0;
  for (auto end = c.buffer.find('\n'); end != std::string::npos; end = c.buffer.find('\n', begin)) {
    on_line_(node, c.buffer.substr(begin, end - begin));
    begin = end + 1;
  }
  children_[node].buffer.erase(0, begin);
}

void mesh_processes::poll(int timeout_ms) {
  std::vector<pollfd> fds;
  for (const auto& c : children_) fds.push_back({c.out, POLLIN, 0});
  if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return;
  for (std::size_t i = 0; i < fds.size(); ++i)
    if (fds[i].revents != 0) read_from(i);
}

void mesh_processes::finish(int timeout_ms) {
  for (auto& c : children_) close_fd(c.in);
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms};
  auto has_output = [](const child& c) { return c.out >= 0; };
  while (std::any_of(children_.begin(), children_.end(), has_output)
         && std::chrono::steady_clock::now() < deadline)
    poll(100);
  for (auto& c : children_) reap(c, has_output(c));
}

} // namespace patio::apps
