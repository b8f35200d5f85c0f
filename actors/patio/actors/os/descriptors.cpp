#include <patio/actors/os/descriptors.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>

namespace patio {
namespace {

bool is_closed(int fd) noexcept { return ::fcntl(fd, F_GETFD) < 0 && errno == EBADF; }

/// The opposite mode of access makes every read or write fail. Children inherit the placeholder.
int open_placeholder(int fd) noexcept {
  int placeholder = ::open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  return placeholder >= 0 ? placeholder : ::open("/", O_PATH); // there is no /dev
}

// The program's own start may be too late: CAF opens its pipes with the actor system, perhaps
// before the program calls this library for the first time.
[[maybe_unused]] const bool occupied_before_main = [] {
  occupy_standard_descriptors();
  return true;
}();

} // namespace

void occupy_standard_descriptors() noexcept {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (!is_closed(fd)) continue;
    int opened =
      open_placeholder(fd); // the lowest free number: fd, unless another thread was faster
    if (opened > STDERR_FILENO) ::close(opened);
  }
}

} // namespace patio
