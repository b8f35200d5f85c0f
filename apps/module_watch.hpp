/// Replaces the worker processes when the file of a module changes. A thread of its own watches the
/// files. A new version that cannot be loaded, or has other functions, is refused with a line in
/// the log, and the old version stays in use.
#pragma once

#include <memory>
#include <thread>
#include <vector>

#include <patio/actors/os/file_watch.hpp>

#include "modules.hpp"

namespace patio::apps {

class module_watch {
public:
  /// `files` has watched the modules in their order since before they were opened. `inputs` are
  /// those of the pools whose workers are replaced.
  module_watch(file_watch files, std::vector<task_module> modules, bool demo,
               std::shared_ptr<replaceable_inputs> inputs);
  /// Waits until a module that is being opened has been opened.
  ~module_watch();
  module_watch(const module_watch&) = delete;
  module_watch& operator=(const module_watch&) = delete;

private:
  void run();
  void replace(const std::vector<std::size_t>& numbers);
  [[nodiscard]] result<void> open_again(task_module& m);

  file_watch files_;
  std::vector<task_module> modules_;
  const bool demo_;
  std::shared_ptr<replaceable_inputs> inputs_;
  unique_fd end_; ///< readable once the thread shall end
  std::thread thread_;
};

} // namespace patio::apps
