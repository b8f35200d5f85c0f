#include <patio/actors/os/file_watch.hpp>

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace patio {
namespace {

constexpr std::uint32_t of_folder = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_MOVE_SELF;

bool is_link(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

} // namespace

result<file_watch> file_watch::start(const std::vector<std::string>& paths) {
  file_watch w;
  w.inotify_ = unique_fd{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
  for (const auto& path : paths) {
    auto slash = path.rfind('/');
    auto folder = slash == std::string::npos ? std::string{"."} : path.substr(0, slash + 1);
    auto& f = w.files_.emplace_back(file{std::move(folder), path.substr(slash + 1)});
    if (!w.watch(f))
      return fail(errc::invalid, "the folder of '" + path + "' cannot be watched: "
                                   + std::system_category().message(errno));
  }
  return w;
}

bool file_watch::watch(file& f) const {
  f.watch = ::inotify_add_watch(inotify_.get(), f.folder.c_str(), of_folder | IN_ONLYDIR);
  return f.watch >= 0;
}

bool file_watch::is_incomplete() const noexcept {
  return std::ranges::any_of(files_, [](const file& f) { return f.watch < 0; });
}

std::vector<std::size_t> file_watch::take_replaced() {
  read_events();
  std::vector<std::size_t> replaced;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    auto& f = files_[i];
    if (f.watch < 0 && watch(f))
      f.is_replaced = ::access((f.folder + "/" + f.name).c_str(), F_OK) == 0;
    if (std::exchange(f.is_replaced, false)) replaced.push_back(i);
  }
  return replaced;
}

void file_watch::read_events() {
  alignas(inotify_event) char buffer[16 << 10];
  for (;;) {
    auto n = ::read(inotify_.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    for (const char* at = buffer; at < buffer + n;) {
      inotify_event event;
      std::memcpy(&event, at, sizeof event);
      handle(event.wd, event.mask, event.len > 0 ? at + sizeof event : "");
      at += sizeof event + event.len;
    }
  }
}

// A file is created before it is written, and a link is complete when it is created.
void file_watch::handle(int watch, std::uint32_t mask, const char* name) {
  if ((mask & IN_MOVE_SELF) != 0) (void)::inotify_rm_watch(inotify_.get(), watch);
  for (auto& f : files_) {
    if ((mask & IN_Q_OVERFLOW) != 0) f.is_replaced = true;
    if (f.watch != watch) continue;
    if ((mask & IN_IGNORED) != 0) f.watch = -1;
    if (f.name != name) continue;
    if ((mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) f.is_replaced = true;
    if ((mask & IN_CREATE) != 0 && is_link(f.folder + "/" + f.name)) f.is_replaced = true;
  }
}

} // namespace patio
