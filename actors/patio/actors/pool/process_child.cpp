#include <patio/actors/pool/process_child.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include <patio/actors/pool/process_messages.hpp>

extern char** environ;

namespace patio {
namespace {

std::string reason(int number) { return std::system_category().message(number); }

/// The attributes and file actions of posix_spawn.
class spawn_settings {
public:
  /// The child has `files` as descriptors `worker_socket` and the next numbers.
  explicit spawn_settings(const std::vector<unique_fd>& files) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    int number = worker_socket;
    for (const auto& file : files)
      ::posix_spawn_file_actions_adddup2(&actions_, file.get(), number++);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, number);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
                                               | POSIX_SPAWN_SETPGROUP);
  }
  ~spawn_settings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  spawn_settings(const spawn_settings&) = delete;
  spawn_settings& operator=(const spawn_settings&) = delete;

  [[nodiscard]] int spawn(pid_t& pid, const std::string& executable,
                          std::vector<std::string> more_arguments) {
    std::string program = executable, argument{worker_argument},
                mark = std::string{worker_variable} + "=1";
    std::vector<char*> arguments{program.data(), argument.data()}, environment;
    for (auto& each : more_arguments) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    for (char** e = environ; *e; ++e) environment.push_back(*e);
    environment.push_back(mark.data());
    environment.push_back(nullptr);
    return ::posix_spawn(&pid, executable.c_str(), &actions_, &attributes_, arguments.data(),
                         environment.data());
  }

private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

/// Returns copies of the descriptors, or an errno. The numbers of the copies are too large to be
/// overwritten when a child gets them one by one from `worker_socket` on.
tl::expected<std::vector<unique_fd>, int> copies_for_child(const std::vector<int>& files) {
  auto lowest = worker_socket + static_cast<int>(files.size());
  std::vector<unique_fd> copies;
  for (int fd : files) {
    copies.emplace_back(::fcntl(fd, F_DUPFD_CLOEXEC, lowest));
    if (!copies.back()) return tl::unexpected(errno);
  }
  return copies;
}

std::string ending_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return "exit status " + std::to_string(info.si_status);
  const char* name = ::sigabbrev_np(info.si_status);
  return "signal " + std::to_string(info.si_status)
         + (name ? " (SIG" + std::string{name} + ")" : "");
}

} // namespace

int stop_signal() noexcept { return SIGRTMAX; }

result<process_child> process_child::start(const std::string& executable, int memory,
                                           const worker_inputs& inputs) {
  auto failed = [&](int number) {
    return fail(errc::invalid,
                "cannot start the worker program " + executable + ": " + reason(number));
  };
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed(errno);
  process_child child;
  child.socket_ = unique_fd{ends[0]};
  unique_fd of_child{ends[1]};
  ::fcntl(child.socket(), F_SETFL, O_NONBLOCK);
  std::vector<int> files{of_child.get(), memory};
  for (const auto& file : inputs.files) files.push_back(file->get());
  auto copies = copies_for_child(files);
  if (!copies) return failed(copies.error());
  pid_t pid = -1;
  if (auto number = spawn_settings{*copies}.spawn(pid, executable, inputs.arguments))
    return failed(number);
  child.pid_ = pid;
  child.pidfd_ = unique_fd{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  if (!child.pidfd_) return failed(errno);
  return child;
}

process_child::~process_child() {
  if (pid_ <= 0) return;
  kill();
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {}
}

void process_child::swap(process_child& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(socket_, other.socket_);
  std::swap(pidfd_, other.pidfd_);
}

// The child is not reaped yet, so neither its number nor the number of its group can be reused.
void process_child::kill() const noexcept {
  if (pid_ <= 0) return;
  (void)::kill(-pid_, SIGKILL);
  (void)::kill(pid_, SIGKILL);
}

void process_child::end_input() const noexcept { (void)::shutdown(socket(), SHUT_WR); }

void process_child::stop_call(std::uint32_t serial) const noexcept {
  if (pid_ <= 0) return;
  sigval number{};
  number.sival_int = static_cast<int>(serial);
  (void)::sigqueue(pid_, stop_signal(), number);
}

std::optional<std::string> process_child::reap() {
  if (pid_ <= 0) return {};
  siginfo_t info{};
  auto look = [&](int flags) {
    info = {};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | flags);
  };
  bool is_gone = look(WNOWAIT) != 0; // other code of this program has reaped the child
  if (!is_gone && info.si_pid == 0) return {};
  if (!is_gone) {
    (void)::kill(-pid_, SIGKILL);
    (void)look(0);
  }
  pid_ = -1;
  socket_ = {};
  pidfd_ = {};
  return is_gone ? "an end that other code of this program has reaped" : ending_of(info);
}

} // namespace patio
