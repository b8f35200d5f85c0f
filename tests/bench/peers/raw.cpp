// Sockets that echo frames of 69 bytes. This measures the kernel alone: the loopback device, the
// scheduler and the wake-ups.
// usage: raw s|S PORT          server that blocks, or that polls without a pause
//        raw c|C PORT [PART]   client that reads at most 1/PART of the frames in flight at once.
//        The
//                              default is 1: all frames travel there and back together.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr size_t frame = 69;
std::vector<char> buf(1 << 17);
bool spin = false;

sockaddr_in loopback(int port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<uint16_t>(port));
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

void no_delay(int fd) {
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

ssize_t read_some(int fd, size_t most) {
  if (!spin) return read(fd, buf.data(), most);
  for (;;) {
    auto n = recv(fd, buf.data(), most, MSG_DONTWAIT);
    if (n >= 0 || errno != EAGAIN) return n;
  }
}

void write_all(int fd, size_t n) {
  while (n > 0) {
    auto w = write(fd, buf.data(), std::min(n, buf.size()));
    if (w <= 0) std::exit(1);
    n -= static_cast<size_t>(w);
  }
}

int serve(int port) {
  int s = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  auto a = loopback(port);
  if (bind(s, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0 || listen(s, 8) != 0) return 1;
  for (;;) {
    int fd = accept(s, nullptr, nullptr);
    no_delay(fd);
    for (ssize_t n; (n = read_some(fd, buf.size())) > 0;) write_all(fd, static_cast<size_t>(n));
    close(fd);
  }
}

void call(int port, long in_flight, long calls, long part) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  auto a = loopback(port);
  if (connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a) != 0) std::exit(1);
  no_delay(fd);
  auto most = std::min(buf.size(), static_cast<size_t>(std::max(1L, in_flight / part)) * frame);
  auto start = std::chrono::steady_clock::now();
  long sent = std::min(in_flight, calls), done = 0;
  size_t received = 0;
  write_all(fd, static_cast<size_t>(sent) * frame);
  while (done < calls) {
    auto n = read_some(fd, most);
    if (n <= 0) std::exit(1);
    received += static_cast<size_t>(n);
    long newly = static_cast<long>(received / frame) - done;
    done += newly;
    long more = std::min(newly, calls - sent);
    write_all(fd, static_cast<size_t>(more) * frame);
    sent += more;
  }
  std::chrono::duration<double> d = std::chrono::steady_clock::now() - start;
  std::printf("raw %ld %.0f\n", in_flight, static_cast<double>(calls) / d.count());
  close(fd);
}

} // namespace

int main(int argc, char** argv) {
  int port = std::atoi(argv[2]);
  spin = argv[1][0] == 'S' || argv[1][0] == 'C';
  if (argv[1][0] == 's' || argv[1][0] == 'S') return serve(port);
  long part = argc > 3 ? std::atol(argv[3]) : 1;
  call(port, 1, 30000, 1);
  call(port, 64, 1000000, part);
  call(port, 1024, 4000000, part);
}
