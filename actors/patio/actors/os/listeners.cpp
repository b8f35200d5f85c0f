#include <patio/actors/os/listeners.hpp>

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <system_error>

namespace patio {
namespace {

/// So many ports are tried before the addresses get different ones.
constexpr int max_shared_ports = 16;

/// The address at which it was impossible to listen.
struct failed_address {
  endpoint where;
  int code; ///< an errno
};

void set_port(address& a, std::uint16_t port) noexcept {
  auto* storage = reinterpret_cast<sockaddr*>(a.storage);
  if (storage->sa_family == AF_INET6)
    reinterpret_cast<sockaddr_in6*>(storage)->sin6_port = htons(port);
  else reinterpret_cast<sockaddr_in*>(storage)->sin_port = htons(port);
}

/// Returns a socket, or an errno.
tl::expected<unique_fd, int> listen_at(const address& a) {
  auto fd = open_socket(a);
  if (!fd) return tl::unexpected(errno);
  int on = 1;
  (void)::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family_of(a) == ip_family::v6)
    (void)::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), a.get(), a.length) != 0 || ::listen(fd.get(), SOMAXCONN) != 0)
    return tl::unexpected(errno);
  return fd;
}

bool is_missing_here(int code) noexcept { return code == EADDRNOTAVAIL || code == EAFNOSUPPORT; }

std::string text_of(const failed_address& failed) {
  return to_string(failed.where) + ": " + std::system_category().message(failed.code);
}

/// Listens at each address. With `share_port`, the first socket's port becomes the port of all.
tl::expected<listeners, failed_address> listen_at_all(std::vector<address> addresses,
                                                      bool share_port) {
  listeners all;
  std::optional<failed_address> missing;
  for (auto& a : addresses) {
    if (share_port && !all.sockets.empty()) set_port(a, local_endpoint(all.sockets[0].get()).port);
    auto fd = listen_at(a);
    if (fd) {
      all.sockets.push_back(std::move(*fd));
      continue;
    }
    failed_address failed{to_endpoint(a), fd.error()};
    if (!is_missing_here(failed.code)) return tl::unexpected(std::move(failed));
    all.left_out.push_back(text_of(failed));
    if (!missing) missing = std::move(failed);
  }
  if (all.sockets.empty() && missing) return tl::unexpected(std::move(*missing));
  return all;
}

tl::expected<listeners, failed_address> listen_at_any_port(const std::vector<address>& addresses) {
  for (int i = 0; i < max_shared_ports; ++i) {
    auto all = listen_at_all(addresses, true);
    if (all || all.error().code != EADDRINUSE) return all;
  }
  return listen_at_all(addresses, false);
}

} // namespace

result<listeners> listen_on(const endpoint& local, std::vector<address> addresses) {
  auto all =
    local.port == 0 ? listen_at_any_port(addresses) : listen_at_all(std::move(addresses), false);
  if (all) return std::move(*all);
  const auto& failed = all.error();
  auto why = failed.where == local ? std::system_category().message(failed.code) : text_of(failed);
  return fail(errc::connect_failed, "cannot listen on " + to_string(local) + ": " + why);
}

result<listeners> listen_on(const endpoint& local) {
  auto addresses = resolve(local, true);
  if (!addresses) return tl::unexpected(std::move(addresses.error()));
  return listen_on(local, std::move(*addresses));
}

} // namespace patio
