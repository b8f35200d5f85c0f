#include "line_server.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "listening.hpp"

namespace patio::tests {

void line_client::await(short event) const {
  pollfd one{fd_.get(), event, 0};
  constexpr auto wait = std::chrono::milliseconds{patience};
  REQUIRE(::poll(&one, 1, static_cast<int>(wait.count())) == 1);
}

void line_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    await(POLLOUT);
    bytes.remove_prefix(send_what_fits(bytes));
  }
}

std::size_t line_client::send_what_fits(std::string_view bytes) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    auto n = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
    if (n < 0) break;
    sent += static_cast<std::size_t>(n);
  }
  return sent;
}

std::string line_client::read(std::size_t bytes) {
  std::string all(bytes, '\0');
  std::size_t got = 0;
  while (got < bytes) {
    await(POLLIN);
    auto n = ::recv(fd_.get(), all.data() + got, bytes - got, 0);
    if (n <= 0) break;
    got += static_cast<std::size_t>(n);
  }
  all.resize(got);
  return all;
}

int line_client::drain() {
  std::string chunk(65'536, '\0');
  for (;;) {
    await(POLLIN);
    auto n = ::recv(fd_.get(), chunk.data(), chunk.size(), 0);
    if (n == 0) return 0;
    if (n < 0) return errno;
  }
}

void line_client::half_close() { (void)::shutdown(fd_.get(), SHUT_WR); }

line_client line_server::connect(std::unique_ptr<tls::engine> tls) {
  auto listening = bound_socket({"127.0.0.1", 0});
  auto address = resolve(local_endpoint(listening.get()), false).value().front();
  auto client = begin_connect(address).value();
  pollfd one{listening.get(), POLLIN, 0};
  REQUIRE(::poll(&one, 1, 10'000) == 1);
  auto accepted = std::make_shared<unique_fd>(
    ::accept4(listening.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  auto engine = std::make_shared<std::unique_ptr<tls::engine>>(std::move(tls));
  run([accepted, engine, this](line_broker& b) {
    b.machine = {};
    b.tls = std::move(*engine);
    b.closed = b.tls_closed = false;
    b.reads.clear();
    b.stream.emplace(b.self, std::move(*accepted), options_);
  });
  return line_client{std::move(client)};
}

} // namespace patio::tests
