#include <patio/actors/os/socket.hpp>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace patio {
namespace {

std::string reason(int code) { return std::system_category().message(code); }

void set(int fd, int level, int name, int setting) noexcept {
  (void)::setsockopt(fd, level, name, &setting, sizeof setting);
}

endpoint to_endpoint(const sockaddr_storage& storage, socklen_t length) {
  char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "0";
  (void)::getnameinfo(reinterpret_cast<const sockaddr*>(&storage), length, host, sizeof host, port,
                      sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
  return {host, static_cast<std::uint16_t>(std::stoi(port))};
}

bool are_same(const address& a, const address& b) noexcept {
  return a.length == b.length && std::memcmp(a.storage, b.storage, a.length) == 0;
}

} // namespace

unique_fd::~unique_fd() {
  if (fd_ >= 0) ::close(fd_);
}

bool is_numeric(const std::string& host) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) return false;
  ::freeaddrinfo(found);
  return true;
}

result<std::vector<address>> resolve(const endpoint& target, bool for_listening) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (for_listening ? AI_PASSIVE : 0);
  addrinfo* raw = nullptr;
  auto port = std::to_string(target.port);
  auto failed = ::getaddrinfo(target.host.c_str(), port.c_str(), &hints, &raw);
  if (failed != 0)
    return fail(errc::connect_failed,
                "cannot resolve '" + target.host + "': " + ::gai_strerror(failed));
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> list{raw, &::freeaddrinfo};
  std::vector<address> all;
  for (auto* a = list.get(); a; a = a->ai_next) {
    if (a->ai_family != AF_INET && a->ai_family != AF_INET6) continue;
    address next;
    std::memcpy(next.storage, a->ai_addr, a->ai_addrlen);
    next.length = a->ai_addrlen;
    if (std::ranges::none_of(all, [&](const address& b) { return are_same(next, b); }))
      all.push_back(next);
  }
  return all;
}

endpoint to_endpoint(const address& a) {
  return to_endpoint(reinterpret_cast<const sockaddr_storage&>(a.storage), a.length);
}

ip_family family_of(const address& a) noexcept {
  return a.get()->sa_family == AF_INET6 ? ip_family::v6 : ip_family::v4;
}

unique_fd open_socket(const address& a) {
  return unique_fd{::socket(a.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
}

result<unique_fd> begin_connect(const address& target) {
  auto fd = open_socket(target);
  if (fd && (::connect(fd.get(), target.get(), target.length) == 0 || errno == EINPROGRESS))
    return fd;
  return fail(errc::connect_failed, reason(errno));
}

result<void> finish_connect(int fd) {
  int code = 0;
  socklen_t size = sizeof code;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &size) != 0) code = errno;
  if (code == 0) return {};
  return fail(errc::connect_failed, reason(code));
}

bool is_loopback(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  if (storage.ss_family == AF_INET)
    return ntohl(reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr) >> 24
           == IN_LOOPBACKNET;
  const auto& six = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&six)
         || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == IN_LOOPBACKNET);
}

void tune(int fd, const limits& l) noexcept {
  auto seconds = [](std::chrono::nanoseconds t) {
    constexpr std::chrono::nanoseconds longest = std::chrono::hours{9}; // the kernel's maximum
    return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(std::min(t, longest)).count());
  };
  set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  set(fd, IPPROTO_TCP, TCP_KEEPIDLE, seconds(l.keepalive_delay));
  set(fd, IPPROTO_TCP, TCP_KEEPINTVL, seconds(l.keepalive_interval));
  set(fd, IPPROTO_TCP, TCP_KEEPCNT, static_cast<int>(l.keepalive_probes));
  set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, seconds(l.unacknowledged_timeout) * 1000);
}

endpoint local_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  (void)::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return to_endpoint(storage, length);
}

endpoint remote_endpoint(int fd) {
  sockaddr_storage storage{};
  socklen_t length = sizeof storage;
  (void)::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &length);
  return to_endpoint(storage, length);
}

} // namespace patio
