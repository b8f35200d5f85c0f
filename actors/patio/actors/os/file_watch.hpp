/// Tells which of some files have been replaced. A file counts as replaced when a file is renamed
/// to its path, when a symbolic link is made there, and when a process that has written to it
/// closes it. A file that is still being written does not count. Other folders in the path are not
/// watched. One thread at a time uses a watch.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <patio/actors/os/socket.hpp>
#include <patio/base/api.hpp>
#include <patio/value/error.hpp>

namespace patio {

class PATIO_INTERNAL_API file_watch {
public:
  /// Begins to watch. The folders of the files must exist.
  [[nodiscard]] static result<file_watch> start(const std::vector<std::string>& paths);

  /// Readable when `take_replaced` may have news.
  [[nodiscard]] int descriptor() const noexcept { return inotify_.get(); }
  /// True if a folder has been removed. Only further calls of `take_replaced` notice its return.
  [[nodiscard]] bool is_incomplete() const noexcept;
  /// Returns the indices of the paths that have been replaced since the last call, in order. Does
  /// not block.
  [[nodiscard]] std::vector<std::size_t> take_replaced();

private:
  struct file {
    std::string folder, name;
    int watch = -1; ///< inotify's number of the folder, or -1
    bool is_replaced = false;
  };

  file_watch() = default;
  [[nodiscard]] bool watch(file& f) const;
  void read_events();
  void handle(int watch, std::uint32_t mask, const char* name);

  unique_fd inotify_;
  std::vector<file> files_;
};

} // namespace patio
