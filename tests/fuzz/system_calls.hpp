/// A filter for the system calls of this process. After forbid_system_calls() the process can get
/// and return memory, write to open descriptors, and end. Any other system call kills it.
#pragma once

#include <cstddef>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdexcept>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <vector>

#if defined(__x86_64__)
inline constexpr unsigned this_architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
inline constexpr unsigned this_architecture = AUDIT_ARCH_AARCH64;
#else
#error "add the name that linux/audit.h has for this architecture"
#endif

inline void forbid_system_calls() {
  constexpr auto number = offsetof(seccomp_data, nr), architecture = offsetof(seccomp_data, arch);
  // The third argument of mmap, on a little-endian machine.
  constexpr auto protection = offsetof(seccomp_data, args) + 2 * sizeof(seccomp_data::args[0]);
  auto load = [](std::size_t at) {
    return sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(at));
  };
  auto answer = [](unsigned action) { return sock_filter BPF_STMT(BPF_RET | BPF_K, action); };
  auto skip_unless = [](unsigned equal, unsigned char otherwise) {
    return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, equal, 0, otherwise);
  };
  std::vector<sock_filter> filter{
    load(architecture), sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, this_architecture, 1, 0),
    answer(SECCOMP_RET_KILL_PROCESS), load(number)};
  for (unsigned allowed :
       {SYS_write, SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex, SYS_exit_group}) {
    filter.push_back(skip_unless(allowed, 1));
    filter.push_back(answer(SECCOMP_RET_ALLOW));
  }
  // Allows memory that is not executable.
  filter.push_back(skip_unless(SYS_mmap, 3));
  filter.push_back(load(protection));
  filter.push_back(sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0));
  filter.push_back(answer(SECCOMP_RET_ALLOW));
  filter.push_back(answer(SECCOMP_RET_KILL_PROCESS));
  sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0
      || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    throw std::runtime_error{"this kernel takes no filter for system calls"};
}
