#include <patio/actors/os/resources.hpp>

#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include <patio/actors/os/socket.hpp>

namespace patio {
namespace {

constexpr std::size_t descriptors_of_caf = 3;
constexpr std::size_t heap_bytes = std::size_t{16} << 20;
constexpr rlim_t little_address_space = rlim_t{2} << 30;

std::string limit_text(int which) {
  rlimit max{};
  if (::getrlimit(which, &max) != 0 || max.rlim_cur == RLIM_INFINITY) return "unlimited";
  return std::to_string(max.rlim_cur);
}

std::size_t stack_bytes() {
  pthread_attr_t attributes;
  std::size_t stack = std::size_t{8} << 20;
  if (pthread_getattr_default_np(&attributes) == 0) {
    (void)pthread_attr_getstacksize(&attributes, &stack);
    pthread_attr_destroy(&attributes);
  }
  return stack;
}

/// CAF's workers, its clock and its I/O thread; the connector, the decoder and the log's writer.
std::size_t thread_count() { return std::max(4U, std::thread::hardware_concurrency()) + 5; }

void check_address_space() {
  rlimit max{};
  if (::getrlimit(RLIMIT_AS, &max) != 0 || max.rlim_cur == RLIM_INFINITY) return;
  if (max.rlim_cur < little_address_space) (void)::mallopt(M_ARENA_MAX, 1);
  auto needed = thread_count() * stack_bytes() + heap_bytes;
  auto* reserved = ::mmap(nullptr, needed, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (reserved == MAP_FAILED)
    throw std::system_error{
      errno, std::system_category(),
      "a node needs " + std::to_string(needed >> 20)
        + " MiB of address space for its threads (RLIMIT_AS, which `ulimit -v` sets, is "
        + limit_text(RLIMIT_AS) + " bytes; a smaller `ulimit -s` makes the stacks smaller)"};
  ::munmap(reserved, needed);
}

} // namespace

void check_descriptors(std::size_t count) {
  std::vector<unique_fd> spare;
  while (spare.size() < count) {
    spare.emplace_back(::open("/", O_PATH | O_CLOEXEC));
    if (!spare.back())
      throw std::system_error{errno, std::system_category(),
                              "a node needs " + std::to_string(count)
                                + " file descriptors beside those in use (RLIMIT_NOFILE, which "
                                  "`ulimit -n` sets, is "
                                + limit_text(RLIMIT_NOFILE) + ")"};
  }
}

void check_resources() {
  check_descriptors(descriptors_of_caf + descriptors_of_broker);
  check_address_space();
}

} // namespace patio
