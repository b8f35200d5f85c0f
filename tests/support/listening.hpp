/// Listening sockets of tests: one address each.
#pragma once

#include <sys/socket.h>

#include <stdexcept>
#include <string>
#include <vector>

#include <patio/actors/os/listeners.hpp>

namespace patio::tests {

/// Listens on a numeric address.
[[nodiscard]] inline unique_fd bound_socket(const endpoint& local) {
  return std::move(listen_on(local).value().sockets.at(0));
}

/// An address that drops every SYN, as a host behind a firewall does. A resource.
class silent_listener {
public:
  /// The queue for new connections has one place, and is full.
  explicit silent_listener(const endpoint& local = {"127.0.0.1", 0}) : fd_{bound_socket(local)} {
    if (::listen(fd_.get(), 0) != 0) throw std::runtime_error{"cannot shorten the queue"};
    auto address = resolve(where(), false).value().front();
    for (int i = 0; i < 2; ++i) queued_.push_back(begin_connect(address).value());
  }
  [[nodiscard]] endpoint where() const { return local_endpoint(fd_.get()); }

private:
  unique_fd fd_;
  std::vector<unique_fd> queued_;
};

} // namespace patio::tests
