#include "module_image.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

namespace patio::apps {
namespace {

constexpr std::size_t max_name_bytes = 200; ///< memfd_create allows 249

tl::unexpected<error> failed(const char* what) {
  return fail(errc::invalid, std::string{what} + ": " + std::system_category().message(errno));
}

result<unique_fd> open_regular(const std::string& path) {
  unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!file) return failed("it cannot be opened");
  struct stat info {};
  if (::fstat(file.get(), &info) != 0) return failed("it cannot be examined");
  if (!S_ISREG(info.st_mode)) return fail(errc::invalid, "it is not a regular file");
  return file;
}

result<void> copy(int from, int to) {
  constexpr std::size_t chunk = std::size_t{1} << 30;
  for (;;) {
    auto n = ::sendfile(to, from, nullptr, chunk);
    if (n == 0) return {};
    if (n < 0 && errno != EINTR) return failed("it cannot be copied into memory");
  }
}

} // namespace

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

result<module_image> read_module(const std::string& path) {
  auto file = open_regular(path);
  if (!file) return tl::unexpected(std::move(file.error()));
  auto name = file_name(path).substr(0, max_name_bytes);
  unique_fd memory{::memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!memory) return failed("memory for its copy cannot be created");
  if (auto copied = copy(file->get(), memory.get()); !copied)
    return tl::unexpected(std::move(copied.error()));
  if (::fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)
      != 0)
    return failed("its copy cannot be sealed");
  return module_image{path, std::make_shared<const unique_fd>(std::move(memory))};
}

} // namespace patio::apps
