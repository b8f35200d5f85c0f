// Functions that try what a confined worker must not do.
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <string>

#include "process_functions.hpp"

extern char** environ;

namespace patio::tests {
namespace {

std::int64_t error_of_call(long returned) { return returned < 0 ? errno : 0; }

/// Calls that fail in other ways without a filter, because their arguments are wrong.
std::map<std::string, std::int64_t> try_system_calls() {
  return {{"mount", error_of_call(::mount(nullptr, nullptr, nullptr, 0, nullptr))},
          {"ptrace", error_of_call(::ptrace(PTRACE_PEEKUSER, 0, nullptr, nullptr))},
          {"keyctl", error_of_call(::syscall(SYS_keyctl, -1, 0, 0, 0, 0))},
          {"bpf", error_of_call(::syscall(SYS_bpf, -1, nullptr, 0))},
          {"open_by_handle_at", error_of_call(::syscall(SYS_open_by_handle_at, -1, nullptr, 0))},
          {"init_module", error_of_call(::syscall(SYS_init_module, nullptr, 0, nullptr))},
          {"reboot", error_of_call(::syscall(SYS_reboot, 0, 0, 0, nullptr))},
          {"io_uring_setup", error_of_call(::syscall(SYS_io_uring_setup, 0, nullptr))},
          {"execve", error_of_call(::syscall(SYS_execve, nullptr, nullptr, nullptr))}};
}

/// Returns the error of starting a program.
std::int64_t run_program() {
  std::string name = "/bin/true";
  char* arguments[] = {name.data(), nullptr};
  pid_t pid = -1;
  auto number = ::posix_spawn(&pid, name.c_str(), nullptr, nullptr, arguments, environ);
  if (number == 0) ::waitpid(pid, nullptr, 0);
  return number;
}

/// Returns the error of opening a file. To write, creates it.
std::int64_t open_file(const std::string& path, bool writes) {
  int fd = ::open(path.c_str(), (writes ? O_WRONLY | O_CREAT : O_RDONLY) | O_CLOEXEC, 0600);
  auto number = error_of_call(fd);
  if (fd >= 0) ::close(fd);
  return number;
}

} // namespace

void add_confined_functions(registry& rpc) {
  rpc.add("try_system_calls", try_system_calls);
  rpc.add("run_program", run_program);
  rpc.add("open_file", open_file);
  rpc.add("new_namespace", [] { return error_of_call(::unshare(CLONE_NEWNS)); });
  rpc.add("has_no_new_privileges",
          [] { return static_cast<std::int64_t>(::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)); });
  rpc.add("seccomp_mode", [] { return static_cast<std::int64_t>(::prctl(PR_GET_SECCOMP)); });
}

} // namespace patio::tests
