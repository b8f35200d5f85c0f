// Two kinds of slow logins. A thousand connections send a login at one byte a second, until the
// login deadline ends them. Other connections stop at the points of the login that cost a node most
// memory. Each test of the first kind takes about 6 s.
#include <doctest/doctest.h>

#include <malloc.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <fstream>

#include <patio/protocol/login.hpp>

#include "credentials.hpp"
#include "hostile.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t slow_peers = 1000;
constexpr auto max_login_time = 5500ms; // the deadline of 5 s and a margin
const std::string key = "secret";

/// A connection that does not read its challenge, and sends the answer to another challenge.
struct slow_peer {
  raw_peer peer;
  clock::time_point connected = clock::now(), next = connected + 1s;
  std::size_t sent = 0;
};

/// Sends slowly until the node has closed all connections, for at most a minute. Returns the
/// longest lifetime of a connection.
clock::duration send_slowly(const endpoint& where) {
  auto login = frame_of(packet::auth_request, 1,
                        login_answer(login_challenge("0123456789abcdef"), key, "salt"));
  std::vector<slow_peer> all;
  for (std::size_t i = 0; i < slow_peers; ++i) all.push_back({raw_peer{where}});
  auto longest = clock::duration::zero();
  std::vector<pollfd> fds;
  for (auto begun = clock::now(); !all.empty() && clock::now() - begun < 1min;) {
    fds.clear();
    for (const auto& d : all) fds.push_back({d.peer.descriptor(), POLLRDHUP, 0});
    (void)::poll(fds.data(), fds.size(), 10);
    auto now = clock::now();
    for (auto i = all.size(); i-- > 0;) {
      auto& d = all[i];
      if (fds[i].revents != 0) {
        longest = std::max(longest, now - d.connected);
        std::swap(d, all.back());
        all.pop_back();
      } else if (now >= d.next) {
        d.next += 1s;
        (void)::send(d.peer.descriptor(), login.data() + d.sent++, 1, MSG_NOSIGNAL);
      }
    }
  }
  return all.empty() ? longest : clock::duration::max();
}

/// Returns the time of a new client from its first packet to its first answer.
clock::duration timed_login(const endpoint& where) {
  auto begun = clock::now();
  for (;;) {
    raw_peer good{where};
    try {
      good.log_in_as_client({}, key);
    } catch (const std::runtime_error&) {
      // The node closes its oldest login when hundreds come at once. The client then tries again.
      if (clock::now() - begun < 1s) continue;
      throw;
    }
    check_served(good);
    return clock::now() - begun;
  }
}

/// Raises the limit, because this process holds both ends of all connections.
void raise_limit_of_descriptors() {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
}

void check_slow_logins(tcp_options options) {
  raise_limit_of_descriptors();
  options.key = key;
  broker_under_attack node{std::move(options)};
  auto sending = std::async(std::launch::async, [&] { return send_slowly(node.where); });
  auto slowest_login = clock::duration::zero();
  std::size_t logins = 0;
  do {
    slowest_login = std::max(slowest_login, timed_login(node.where));
    ++logins;
  } while (sending.wait_for(20ms) != std::future_status::ready);
  auto longest_life = sending.get();
  MESSAGE("the longest slow login lived "
          << std::chrono::duration_cast<std::chrono::milliseconds>(longest_life).count()
          << " ms, the slowest of " << logins << " good logins took "
          << std::chrono::duration_cast<std::chrono::milliseconds>(slowest_login).count() << " ms");
  CHECK(longest_life <= max_login_time);
  CHECK(longest_life > 4s);
  CHECK(slowest_login < 1s);
  CHECK(logins > 10);
  node.log.await("event=closed");
  node.check_nothing_left();
  node.check_undisturbed();
}

/// Makes room for all slow peers before their login, so that only the deadline ends them.
void make_room(limits& l) { l.connections_before_login = 2 * slow_peers; }

/// Options with room for all slow peers and without a login deadline.
tcp_options with_room(tcp_options options = {}) {
  options.limits.handshake_timeout = without_deadline().limits.handshake_timeout;
  make_room(options.limits);
  return options;
}

constexpr std::ptrdiff_t max_bytes_before_login = 64 << 10;

/// The largest frame that a node accepts before the login, without its last byte.
std::string frame_without_last_byte() {
  auto bytes = frame_of(packet::auth_request, 1, std::string(limits{}.login_frame_bytes, 'x'));
  bytes.pop_back();
  return bytes;
}

/// Waits for bytes from the node, and returns those that have arrived.
std::string receive_some(const raw_peer& peer) {
  pollfd answer{peer.descriptor(), POLLIN, 0};
  REQUIRE(::poll(&answer, 1, static_cast<int>(patience / 1ms)) == 1);
  char chunk[4096];
  auto n = ::recv(peer.descriptor(), chunk, sizeof chunk, 0);
  REQUIRE(n > 0);
  return {chunk, static_cast<std::size_t>(n)};
}

/// Returns the number of bytes that have arrived at a local port and are still in the sockets, as
/// the kernel counts them.
std::size_t unread_bytes(std::uint16_t port) {
  std::ifstream table{"/proc/net/tcp"};
  std::size_t all = 0;
  std::string line;
  for (std::getline(table, line); std::getline(table, line);) {
    unsigned local = 0;
    unsigned long waiting = 0;
    REQUIRE(std::sscanf(line.c_str(), " %*u: %*x:%x %*x:%*x %*x %*x:%lx", &local, &waiting) == 2);
    if (local == port) all += waiting;
  }
  return all;
}

/// The memory of this process: the bytes that malloc has handed out, and the resident pages. Tests
/// compare two footprints, so that the pages of earlier tests do not count.
struct footprint {
  std::size_t in_use = ::mallinfo2().uordblks + ::mallinfo2().hblkhd, resident = resident_bytes();
};

/// Opens `count` connections with `play`, which stops within the login, and waits until the node
/// has read everything. Checks that each connection then holds less than `max` bytes. Finally sends
/// `rest` over each connection, which must close it. This shows that all connections were still
/// open.
template <class Play>
void check_memory(const tcp_options& options, std::size_t count, const std::string& rest,
                  std::ptrdiff_t max, Play play) {
  raise_limit_of_descriptors();
  log_capture discarded;
  tcp_node server{registry{}, options};
  auto where = server.listen();
  std::vector<raw_peer> slow;
  slow.reserve(count);
  auto grow_to = [&](std::size_t wanted) {
    while (slow.size() < wanted) slow.push_back(play(where));
    for (auto deadline = clock::now() + patience; unread_bytes(where.port) > 0;)
      REQUIRE(clock::now() < deadline);
    // This request waits until the node has processed the bytes that it read last.
    CHECK(server.peers().empty());
  };
  grow_to(1); // the first connection has one-time costs, which are not measured
  footprint before;
  grow_to(count);
  footprint after;
  auto each = [&](std::size_t footprint::*part) {
    return (static_cast<std::ptrdiff_t>(after.*part) - static_cast<std::ptrdiff_t>(before.*part))
           / static_cast<std::ptrdiff_t>(count - 1);
  };
  auto in_use = each(&footprint::in_use), resident = each(&footprint::resident);
  MESSAGE("each of " << count << " connections held " << in_use << " bytes of malloc, and "
                     << resident << " resident bytes of the process");
  CHECK(in_use < max);
  CHECK(resident < max);
  for (auto& peer : slow) {
    peer.send_bytes(rest);
    peer.await_close();
  }
}

/// Options of a node that demands certificates, and TLS engines of clients that can log in there.
struct tls_fixture {
  credentials identities;
  tcp_options server = with_room({.tls = identities.mutual_server()});
  tls::context client = tls::context::make(identities.named("alice")).value();

  [[nodiscard]] std::unique_ptr<tls::engine> connect() const {
    return *client.connect("127.0.0.1");
  }
};

} // namespace

TEST_CASE("slow logins: a thousand slow logins are closed after at most 5.5 s, and a good client "
          "logs in within a second") {
  check_slow_logins({});
}

TEST_CASE(
  "slow logins: they are closed in time even if all of them fit into connections_before_login") {
  tcp_options options;
  make_room(options.limits);
  check_slow_logins(options);
}

TEST_CASE("slow logins: each of a thousand logins that stop one byte before the end of their frame "
          "holds less than 64 KiB") {
  auto incomplete = frame_without_last_byte();
  check_memory(with_room(), 1000, "x", max_bytes_before_login, [&](const endpoint& where) {
    raw_peer peer{where};
    CHECK(peer.receive().type == packet::auth_digest);
    peer.send_bytes(incomplete);
    return peer;
  });
}

TEST_CASE("slow logins: each of five hundred logins that stop during or after the TLS handshake "
          "holds less than 64 KiB") {
  tls_fixture f;
  SUBCASE("after the server has answered their ClientHello") {
    auto hello = std::move(f.connect()->output());
    check_memory(f.server, 500, "no TLS", max_bytes_before_login, [&](const endpoint& where) {
      raw_peer peer{where};
      peer.send_bytes(hello);
      CHECK_FALSE(receive_some(peer).empty());
      return peer;
    });
  }
  SUBCASE("a byte before the end of the proof of their certificate") {
    check_memory(f.server, 500, "no TLS", max_bytes_before_login, [&](const endpoint& where) {
      raw_peer peer{where};
      auto tls = f.connect();
      std::string plain;
      for (peer.send_bytes(std::exchange(tls->output(), {})); !tls->is_open();)
        REQUIRE(tls->receive(receive_some(peer), plain));
      peer.send_bytes(std::string_view{tls->output()}.substr(0, tls->output().size() - 1));
      return peer;
    });
  }
  SUBCASE("a byte before the end of their frame") {
    auto incomplete = frame_without_last_byte();
    check_memory(f.server, 500, "no TLS", max_bytes_before_login, [&](const endpoint& where) {
      raw_peer peer{where};
      peer.secure(f.connect());
      CHECK(peer.receive().type == packet::auth_digest);
      peer.send_bytes(incomplete);
      // Returns a copy of the socket only, so that the memory of the client's TLS is freed and not
      // measured.
      return raw_peer{unique_fd{::dup(peer.descriptor())}};
    });
  }
}
