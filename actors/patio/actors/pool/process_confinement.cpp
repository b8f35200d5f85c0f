#include <patio/actors/pool/process_confinement.hpp>

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include <patio/actors/os/log.hpp>
#include <patio/actors/os/socket.hpp>

namespace patio {
namespace {

tl::unexpected<error> failed(const std::string& what, int number = errno) {
  return fail(errc::invalid, what + " failed: " + std::system_category().message(number));
}

// --- seccomp ---

#if defined(__x86_64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t architecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t architecture = 0;
#endif

/// System calls that a function which computes, reads files or uses the network does not make.
constexpr int refused_calls[] = {
  // other programs and processes
  SYS_execve, SYS_execveat, SYS_ptrace, SYS_process_vm_readv, SYS_process_vm_writev, SYS_kcmp,
  SYS_setns, SYS_unshare,
#ifdef SYS_pidfd_getfd
  SYS_pidfd_getfd,
#endif
#ifdef SYS_process_madvise
  SYS_process_madvise,
#endif
  // file systems
  SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_swapon, SYS_swapoff, SYS_quotactl,
  SYS_open_by_handle_at, SYS_name_to_handle_at, SYS_fanotify_init, SYS_acct,
#ifdef SYS_open_tree
  SYS_open_tree, SYS_move_mount, SYS_fsopen, SYS_fsconfig, SYS_fsmount, SYS_fspick,
#endif
#ifdef SYS_mount_setattr
  SYS_mount_setattr,
#endif
  // the kernel and the machine
  SYS_bpf, SYS_perf_event_open, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_init_module,
  SYS_finit_module, SYS_delete_module, SYS_kexec_load, SYS_reboot, SYS_syslog, SYS_settimeofday,
  SYS_clock_settime, SYS_adjtimex, SYS_clock_adjtime, SYS_sethostname, SYS_setdomainname,
  SYS_vhangup, SYS_personality, SYS_userfaultfd,
#ifdef SYS_kexec_file_load
  SYS_kexec_file_load,
#endif
#ifdef SYS_iopl
  SYS_iopl, SYS_ioperm, SYS_modify_ldt, SYS_uselib, SYS_sysfs, SYS_ustat,
#endif
  // a filter does not see the calls that io_uring makes
  SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register};

constexpr std::uint32_t new_namespaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET
                                         | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

/// The instructions of a filter.
class filter_program {
public:
  void load(std::size_t offset) {
    add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }
  /// Returns the verdict from the filter if the loaded word equals `value`, or has bits of it.
  void return_if_equal(std::uint32_t value, std::uint32_t verdict) {
    jump(BPF_JEQ, value, 0, 1);
    add(BPF_RET | BPF_K, verdict);
  }
  void return_if_any_bit(std::uint32_t bits, std::uint32_t verdict) {
    jump(BPF_JSET, bits, 0, 1);
    add(BPF_RET | BPF_K, verdict);
  }
  void return_unless_equal(std::uint32_t value, std::uint32_t verdict) {
    jump(BPF_JEQ, value, 1, 0);
    add(BPF_RET | BPF_K, verdict);
  }
  /// Runs the next `count` instructions only if the loaded word equals `value`.
  void only_if_equal(std::uint32_t value, std::uint8_t count) { jump(BPF_JEQ, value, 0, count); }
  void finish(std::uint32_t verdict) { add(BPF_RET | BPF_K, verdict); }

  [[nodiscard]] bool install() {
    sock_fprog program{static_cast<unsigned short>(code_.size()), code_.data()};
    return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program)
           == 0;
  }

private:
  void add(int code, std::uint32_t k) {
    code_.push_back({static_cast<std::uint16_t>(code), 0, 0, k});
  }
  void jump(int condition, std::uint32_t k, std::uint8_t if_true, std::uint8_t if_false) {
    code_.push_back(
      {static_cast<std::uint16_t>(BPF_JMP | BPF_K | condition), if_true, if_false, k});
  }

  std::vector<sock_filter> code_;
};

// The low word of an argument; both architectures are little endian.
constexpr std::size_t argument(std::size_t number) {
  return offsetof(seccomp_data, args) + 8 * number;
}

result<void> refuse_system_calls() {
  constexpr std::uint32_t refuse = SECCOMP_RET_ERRNO | EPERM, lack = SECCOMP_RET_ERRNO | ENOSYS;
  if (architecture == 0)
    return fail(errc::invalid, "refused_system_calls is not available on this architecture");
  filter_program f;
  f.load(offsetof(seccomp_data, arch));
  f.return_unless_equal(architecture, refuse); // 32-bit calls have other numbers
  f.load(offsetof(seccomp_data, nr));
#ifdef __x86_64__
  f.return_if_any_bit(0x40000000, refuse); // the x32 variants of all calls
#endif
  for (auto number : refused_calls) f.return_if_equal(static_cast<std::uint32_t>(number), refuse);
  // A filter cannot see the flags of clone3. The C library falls back to clone.
  f.return_if_equal(SYS_clone3, lack);
  f.only_if_equal(SYS_ioctl, 3);
  f.load(argument(1));
  f.return_if_equal(TIOCSTI, refuse); // types into the terminal of the parent
  f.load(offsetof(seccomp_data, nr));
  f.only_if_equal(SYS_clone, 3);
  f.load(argument(0));
  f.return_if_any_bit(new_namespaces, refuse);
  f.finish(SECCOMP_RET_ALLOW);
  if (!f.install()) return failed("seccomp(SECCOMP_SET_MODE_FILTER)");
  return {};
}

// --- landlock ---

// Rights of later versions of landlock. The kernel's headers may be older than the kernel.
constexpr std::uint64_t right_to_refer = 1 << 13, right_to_truncate = 1 << 14,
                        right_to_control_devices = 1 << 15;
constexpr std::uint64_t rights_of_version_1 = (1 << 13) - 1;
constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t rights_of_files = LANDLOCK_ACCESS_FS_READ_FILE
                                          | LANDLOCK_ACCESS_FS_WRITE_FILE | right_to_truncate
                                          | right_to_control_devices;

/// Returns the rights that this kernel can take away, or why it cannot.
result<std::uint64_t> handled_rights() {
  auto version =
    ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0)
    return fail(errc::invalid, "the option paths needs landlock, which this kernel lacks or has "
                               "switched off: "
                                 + std::system_category().message(errno));
  auto rights = rights_of_version_1;
  if (version >= 2) rights |= right_to_refer;
  if (version >= 3) rights |= right_to_truncate;
  if (version >= 5) rights |= right_to_control_devices;
  return rights;
}

result<void> allow(int rules, const std::string& path, std::uint64_t rights) {
  unique_fd place{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  struct stat info {};
  if (!place || ::fstat(place.get(), &info) != 0)
    return failed("opening the path '" + printable(path) + "'");
  if (!S_ISDIR(info.st_mode)) rights &= rights_of_files;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = place.get();
  if (::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    return failed("landlock_add_rule for the path '" + printable(path) + "'");
  return {};
}

result<void> restrict_paths(const process_paths& paths) {
  auto handled = handled_rights();
  if (!handled) return tl::unexpected(std::move(handled.error()));
  landlock_ruleset_attr attributes{};
  attributes.handled_access_fs = *handled;
  // Older kernels know only the first field.
  unique_fd rules{static_cast<int>(
    ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes.handled_access_fs, 0))};
  if (!rules) return failed("landlock_create_ruleset");
  auto writing = *handled & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE};
  for (const auto& path : paths.readable)
    if (auto done = allow(rules.get(), path, reading); !done) return done;
  for (const auto& path : paths.writable)
    if (auto done = allow(rules.get(), path, writing); !done) return done;
  if (::syscall(SYS_landlock_restrict_self, rules.get(), 0) != 0)
    return failed("landlock_restrict_self");
  return {};
}

} // namespace

// The kernel demands the first step for the other two.
result<void> confine(const process_limits& limits) {
  if (limits.no_new_privileges || limits.paths || limits.refuse_system_calls) {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("prctl(PR_SET_NO_NEW_PRIVS)");
  }
  if (limits.paths)
    if (auto done = restrict_paths(*limits.paths); !done) return done;
  if (limits.refuse_system_calls) return refuse_system_calls();
  return {};
}

} // namespace patio
