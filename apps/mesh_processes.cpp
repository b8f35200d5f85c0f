#include "mesh_processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "standard_streams.hpp"

extern char** environ;

namespace patio::apps {
namespace {

constexpr std::size_t max_line_bytes = 1 << 20; ///< a longer line is handled in pieces

struct pipe_ends {
  unique_fd reading, writing;
};

std::optional<pipe_ends> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  return pipe_ends{unique_fd{ends[0]}, unique_fd{ends[1]}};
}

/// Starts the command with these standard descriptors. Returns 0 or an errno.
int spawn(const std::vector<std::string>& command, int in, int out, int err, pid_t& pid) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err, STDERR_FILENO);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (int ignored_here : {SIGPIPE, SIGXFSZ}) sigaddset(&defaults, ignored_here);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  auto failed = ::posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  return failed;
}

bool cannot_start(const std::string& program, int why) {
  print_error("cannot start " + program + ": " + std::strerror(why));
  return false;
}

} // namespace

mesh_processes::~mesh_processes() {
  for (auto& c : children_) reap(c, true);
}

bool mesh_processes::start(std::size_t node, const std::vector<std::string>& command) {
  auto in = make_pipe(), out = make_pipe(), err = make_pipe();
  if (!in || !out || !err) return cannot_start(command[0], errno);
  // A grandchild may keep standard error open after the end of the node, so nobody waits for it.
  (void)::fcntl(err->reading.get(), F_SETFL, O_NONBLOCK);
  pid_t pid = -1;
  auto failed = spawn(command, in->reading.get(), out->writing.get(), err->writing.get(), pid);
  if (failed != 0) return cannot_start(command[0], failed);
  if (children_.size() <= node) children_.resize(node + 1);
  children_[node] = {
    pid, std::move(in->writing), {std::move(out->reading)}, {std::move(err->reading)}};
  return true;
}

void mesh_processes::send_line(std::size_t node, const std::string& line) {
  if (!is_running(node)) return;
  auto text = line + "\n";
  (void)!::write(children_[node].in.get(), text.data(), text.size());
}

void mesh_processes::kill(std::size_t node) {
  if (!is_running(node)) return;
  auto& c = children_[node];
  ::kill(c.pid, SIGKILL);
  ::waitpid(std::exchange(c.pid, -1), nullptr, 0);
  read_rest(node);
  c.in = {};
}

void mesh_processes::reap(child& c, bool kill_first) {
  c.in = {};
  c.out = {};
  c.err = {};
  if (c.pid <= 0) return;
  if (kill_first) ::kill(c.pid, SIGKILL);
  ::waitpid(std::exchange(c.pid, -1), nullptr, 0);
}

/// Reads once, and handles the whole lines. Returns false if there is nothing to read now, or ever.
bool mesh_processes::read(output& from, std::size_t node, const line_handler& handle) {
  char chunk[65'536];
  auto n = ::read(from.fd.get(), chunk, sizeof chunk);
  if (n < 0 && errno == EAGAIN) return false;
  auto buffer = std::exchange(from.buffer, {});
  if (n > 0) buffer.append(chunk, static_cast<std::size_t>(n));
  else from.fd = {};
  std::size_t begin = 0;
  for (auto end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n', begin)) {
    handle(node, buffer.substr(begin, end - begin));
    begin = end + 1;
  }
  buffer.erase(0, begin);
  bool is_whole = !from.fd || buffer.size() > max_line_bytes;
  if (is_whole && !buffer.empty()) handle(node, buffer);
  else from.buffer = std::move(buffer);
  return n > 0;
}

void mesh_processes::read_rest(std::size_t node) {
  auto& c = children_[node];
  while (c.out.fd) (void)read(c.out, node, on_line_);
  while (c.err.fd && read(c.err, node, on_error_line_)) {}
}

void mesh_processes::poll(int timeout_ms) {
  std::vector<pollfd> fds;
  for (const auto& c : children_) {
    fds.push_back({c.out.fd.get(), POLLIN, 0});
    fds.push_back({c.err.fd.get(), POLLIN, 0});
  }
  if (::poll(fds.data(), fds.size(), timeout_ms) <= 0) return;
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (fds[2 * i].revents != 0) (void)read(children_[i].out, i, on_line_);
    if (fds[2 * i + 1].revents != 0) (void)read(children_[i].err, i, on_error_line_);
  }
}

void mesh_processes::finish(int timeout_ms) {
  for (auto& c : children_) c.in = {};
  auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds{timeout_ms};
  auto has_output = [](const child& c) { return bool{c.out.fd}; };
  while (std::any_of(children_.begin(), children_.end(), has_output)
         && std::chrono::steady_clock::now() < deadline)
    poll(100);
  for (std::size_t i = 0; i < children_.size(); ++i) {
    auto& c = children_[i];
    bool still_runs = has_output(c);
    while (c.err.fd && read(c.err, i, on_error_line_)) {}
    reap(c, still_runs);
  }
}

} // namespace patio::apps
