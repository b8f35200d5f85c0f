#include "raw_peer.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>

#include <patio/convert/convert.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/login.hpp>

#include "listening.hpp"

namespace patio::tests {

using namespace protocol;
namespace {

constexpr int patience_ms = 20'000;
const std::string none = "\x80\x05N.";

void await(int fd, short events, const char* otherwise) {
  pollfd one{fd, events, 0};
  if (::poll(&one, 1, patience_ms) <= 0) throw std::runtime_error{otherwise};
}

unique_fd connect_to(const endpoint& where) {
  auto fd = begin_connect(resolve(where, false).value().front()).value();
  await(fd.get(), POLLOUT, "no connection in time");
  if (auto done = finish_connect(fd.get()); !done) throw std::runtime_error{done.error().message};
  return fd;
}

sockaddr_in numeric(const std::string& host, std::uint16_t port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &a.sin_addr) != 1)
    throw std::runtime_error{host + " is not an IPv4 address"};
  return a;
}

unique_fd connect_from(const std::string& host, const endpoint& where) {
  unique_fd fd{::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  auto source = numeric(host, 0), target = numeric(where.host, where.port);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&source), sizeof source) != 0)
    throw std::runtime_error{"this machine does not have the address " + host};
  (void)::connect(fd.get(), reinterpret_cast<sockaddr*>(&target), sizeof target);
  await(fd.get(), POLLOUT, "no connection in time");
  if (auto done = finish_connect(fd.get()); !done) throw std::runtime_error{done.error().message};
  return fd;
}

} // namespace

raw_peer::raw_peer(const endpoint& where) : raw_peer{connect_to(where)} {}
raw_peer::raw_peer(const endpoint& where, const std::string& source)
    : raw_peer{connect_from(source, where)} {}

raw_peer::raw_peer(unique_fd connected) : fd_{std::move(connected)} { tune(fd_.get(), limits{}); }

void raw_peer::secure(std::unique_ptr<tls::engine> tls) {
  tls_ = std::move(tls);
  send_bytes({});
  while (!tls_->is_open())
    if (!read_more()) throw std::runtime_error{"the peer has closed during the TLS handshake"};
}

void raw_peer::send_bytes(std::string_view bytes) {
  if (!tls_) return write_to_socket(bytes);
  if (!bytes.empty()) tls_->send(bytes);
  write_to_socket(std::exchange(tls_->output(), {}));
}

void raw_peer::write_to_socket(std::string_view bytes) {
  while (!bytes.empty()) {
    await(fd_.get(), POLLOUT, "the peer does not read");
    auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) throw std::runtime_error{"the peer has closed"};
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string frame_of(packet type, std::uint32_t serial, std::string_view payload) {
  std::string bytes;
  frame_writer w{bytes, type, serial};
  bytes += payload;
  (void)w.close(std::string::npos);
  return bytes;
}

void raw_peer::send(packet type, std::uint32_t serial, std::string_view payload) {
  send_bytes(frame_of(type, serial, payload));
}

bool raw_peer::read_more() {
  await(fd_.get(), POLLIN, "no bytes in time");
  char chunk[4096];
  auto n = ::recv(fd_.get(), chunk, sizeof chunk, 0);
  if (n <= 0) return false;
  if (!tls_) {
    buffer_.append(chunk, static_cast<std::size_t>(n));
    return true;
  }
  auto decrypted = tls_->receive({chunk, static_cast<std::size_t>(n)}, buffer_);
  send_bytes({});
  if (!decrypted) throw std::runtime_error{decrypted.error().message};
  return !tls_->peer_closed();
}

raw_frame raw_peer::receive() {
  for (;;) {
    if (buffer_.size() >= frame_header::size_on_wire) {
      auto h = read_header(std::string_view{buffer_}.substr(0, frame_header::size_on_wire));
      auto whole = frame_header::size_on_wire + h.size;
      if (buffer_.size() >= whole) {
        raw_frame f{h.type, h.serial, buffer_.substr(frame_header::size_on_wire, h.size)};
        buffer_.erase(0, whole);
        return f;
      }
    }
    if (!read_more()) throw std::runtime_error{"the peer has closed"};
  }
}

void raw_peer::await_close() {
  while (read_more()) buffer_.clear();
}

// Also reads. If the other side closes while its receive window is full, the kernel may send
// nothing for a long time, so that a writer alone would not notice the close.
void raw_peer::send_until_closed(std::string_view bytes) {
  while (!bytes.empty()) {
    await(fd_.get(), POLLIN | POLLOUT, "the peer neither reads nor closes");
    char chunk[4096];
    if (::recv(fd_.get(), chunk, sizeof chunk, MSG_DONTWAIT) == 0) return;
    auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN) return;
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
  }
  await_close();
}

void raw_peer::half_close() { (void)::shutdown(fd_.get(), SHUT_WR); }

void raw_peer::reset() {
  linger hard{1, 0};
  (void)::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

std::string raw_peer::prove(const std::string& key) {
  auto answer = login_answer(receive().payload, key, "salt");
  send(packet::auth_request, 1, answer);
  if (receive().type != packet::auth_ok) throw std::runtime_error{"no AUTH_OK"};
  return answer;
}

void raw_peer::log_in_as_client(const std::vector<std::string>& names, const std::string& key) {
  (void)prove(key);
  discover(names);
}

void raw_peer::log_in_as_server(const std::vector<std::string>& names) {
  send(packet::auth_digest, 1, login_challenge("0123456789abcdef"));
  if (receive().type != packet::auth_request) throw std::runtime_error{"no AUTH_REQUEST"};
  send(packet::auth_ok, 2, none);
  discover(names);
}

void raw_peer::discover(const std::vector<std::string>& names) {
  send(packet::discover_request, 3, none);
  std::string payload;
  if (!write_pickle(to_value(names), payload)) throw std::runtime_error{"the names cannot be sent"};
  // The other side's DISCOVER_REQUEST, and its answer to ours, may arrive in either order.
  for (int missing = 2; missing > 0; --missing) {
    auto f = receive();
    if (f.type == packet::discover_request) send(packet::discover_response, f.serial, payload);
    else if (f.type != packet::discover_response) throw std::runtime_error{"no discovery"};
  }
}

raw_listener::raw_listener(const endpoint& local)
    : fd_{bound_socket(local)}, where_{local_endpoint(fd_.get())} {}

raw_peer raw_listener::accept() {
  await(fd_.get(), POLLIN, "no peer connected in time");
  return raw_peer{unique_fd{::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)}};
}

} // namespace patio::tests
