/// TCP sockets up to the moment a broker takes them over. No CAF. Errors name the endpoint and the
/// system's reason.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <patio/protocol/endpoint.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/error.hpp>

struct sockaddr;

namespace patio {

/// Owns a file descriptor.
class unique_fd {
public:
  unique_fd() = default;
  explicit unique_fd(int fd) noexcept : fd_{fd} {}
  unique_fd(unique_fd&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~unique_fd();
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
  explicit operator bool() const noexcept { return fd_ >= 0; }

private:
  int fd_ = -1;
};

/// A connected socket on its way to the actor that takes it over, or why there is none. Dropping
/// the last copy closes the socket.
using shared_socket = std::shared_ptr<result<unique_fd>>;

/// One address of a resolved name.
struct address {
  alignas(8) char storage[128] = {}; ///< a sockaddr_storage
  unsigned length = 0;
  [[nodiscard]] const ::sockaddr* get() const noexcept {
    return reinterpret_cast<const ::sockaddr*>(storage);
  }
};

/// May block on the network, unless the host is a numeric address.
[[nodiscard]] result<std::vector<address>> resolve(const endpoint& where, bool for_listening);
[[nodiscard]] bool is_numeric(const std::string& host);

/// A non-blocking listening socket with SO_REUSEADDR; port 0 takes any free port.
[[nodiscard]] result<unique_fd> listen_on(const endpoint& where);

/// Begins to connect a non-blocking socket; `finish_connect` tells how it went once it is writable.
[[nodiscard]] result<unique_fd> begin_connect(const address& to);
[[nodiscard]] result<void> finish_connect(int fd);

/// No delay, and the limits' own times for keepalive and unacknowledged data, in whole seconds.
void tune(int fd, const limits& l) noexcept;

/// Whether only this machine can reach a listening socket.
[[nodiscard]] bool is_loopback(int fd);

[[nodiscard]] endpoint local_endpoint(int fd);
[[nodiscard]] endpoint remote_endpoint(int fd);

} // namespace patio
