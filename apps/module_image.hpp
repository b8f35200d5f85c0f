/// A copy of a module's file in memory. All processes of a node load the copy, so a file that
/// changes later, or is only half written, can neither crash a worker nor mix two versions.
#pragma once

#include <memory>
#include <string>

#include <patio/actors/os/socket.hpp>
#include <patio/value/error.hpp>

namespace patio::apps {

/// A value: copies share the memory.
struct module_image {
  std::string path;                    ///< as the user has written it
  std::shared_ptr<const unique_fd> fd; ///< of the sealed copy
};

/// Copies the file. An error does not contain the path.
[[nodiscard]] result<module_image> read_module(const std::string& path);

/// Returns the name of a file without its folder.
[[nodiscard]] std::string file_name(const std::string& path);

} // namespace patio::apps
