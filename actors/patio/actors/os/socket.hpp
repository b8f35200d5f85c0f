/// TCP sockets before a broker adopts them. Errors contain the operating system's reason.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/base/happy_eyeballs.hpp>
#include <patio/protocol/endpoint.hpp>
#include <patio/protocol/limits.hpp>
#include <patio/value/error.hpp>

struct sockaddr;

namespace patio {

/// Owns a file descriptor.
class PATIO_INTERNAL_API unique_fd {
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

/// A connected socket on its way to the actor that adopts it, or an error instead. The destructor
/// of the last copy closes a socket that no actor has adopted.
using shared_socket = std::shared_ptr<result<unique_fd>>;

/// One address of a resolved name.
struct address {
  alignas(8) char storage[128] = {}; ///< a sockaddr_storage
  unsigned length = 0;
  [[nodiscard]] const ::sockaddr* get() const noexcept {
    return reinterpret_cast<const ::sockaddr*>(storage);
  }
};

/// Returns the addresses of the host, each once, in the resolver's order. May block on the network,
/// unless the host is a numeric address. An error names the host.
[[nodiscard]] result<std::vector<address>> resolve(const endpoint& target, bool for_listening);
[[nodiscard]] bool is_numeric(const std::string& host);

[[nodiscard]] endpoint to_endpoint(const address& a);
[[nodiscard]] ip_family family_of(const address& a) noexcept;

/// Returns a non-blocking socket of the address's family.
[[nodiscard]] unique_fd open_socket(const address& a);

/// Begins to connect a non-blocking socket. Once the socket is writable, `finish_connect` returns
/// the result.
[[nodiscard]] result<unique_fd> begin_connect(const address& target);
[[nodiscard]] result<void> finish_connect(int fd);

/// Sets TCP_NODELAY, and the limits for keepalive and unacknowledged data, rounded up to seconds.
void tune(int fd, const limits& l) noexcept;

/// True if the socket's local address is a loopback address. Only this machine can reach a
/// listening socket with such an address.
[[nodiscard]] bool is_loopback(int fd);

[[nodiscard]] endpoint local_endpoint(int fd);
[[nodiscard]] endpoint remote_endpoint(int fd);

} // namespace patio
