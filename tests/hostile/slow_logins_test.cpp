// A thousand connections that send one byte a second of a lawful login, which takes the time that a
// login may take, about 6 s; and what those hold that stop where it costs a node most.
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

constexpr std::size_t drippers = 1000;
constexpr auto longest = 5500ms; // 5 s for a login, and the node's own time to notice
const std::string key = "secret";

/// One that does not read the challenge, and drips an answer to another.
struct dripper {
  raw_peer peer;
  clock::time_point connected = clock::now(), next = connected + 1s;
  std::size_t sent = 0;
};

/// How long the last of them lived. Drips until the node has closed them all, for a minute at most.
clock::duration drip(const endpoint& where) {
  auto login = frame_of(packet::auth_request, 1,
                        login_answer(login_challenge("0123456789abcdef"), key, "salt"));
  std::vector<dripper> all;
  for (std::size_t i = 0; i < drippers; ++i) all.push_back({raw_peer{where}});
  auto slowest = clock::duration::zero();
  std::vector<pollfd> fds;
  for (auto begun = clock::now(); !all.empty() && clock::now() - begun < 1min;) {
    fds.clear();
    for (const auto& d : all) fds.push_back({d.peer.descriptor(), POLLRDHUP, 0});
    (void)::poll(fds.data(), fds.size(), 10);
    auto now = clock::now();
    for (auto i = all.size(); i-- > 0;) {
      auto& d = all[i];
      if (fds[i].revents != 0) {
        slowest = std::max(slowest, now - d.connected);
        std::swap(d, all.back());
        all.pop_back();
      } else if (now >= d.next) {
        d.next += 1s;
        (void)::send(d.peer.descriptor(), login.data() + d.sent++, 1, MSG_NOSIGNAL);
      }
    }
  }
  return all.empty() ? slowest : clock::duration::max();
}

/// What a new client waits from its first packet to its first answer.
clock::duration good_visit(const endpoint& where) {
  auto begun = clock::now();
  for (;;) {
    raw_peer good{where};
    try {
      good.log_in_as_client({}, key);
    } catch (const std::runtime_error&) { // among hundreds that came at once it was the oldest: it
                                          // comes again, as clients do
      if (clock::now() - begun < 1s) continue;
      throw;
    }
    check_served(good);
    return clock::now() - begun;
  }
}

/// Both ends of all connections are in this process.
void raise_limit_of_descriptors() {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
}

void besiege(tcp_options options) {
  raise_limit_of_descriptors();
  options.key = key;
  town t{std::move(options)};
  auto dripping = std::async(std::launch::async, [&] { return drip(t.where); });
  auto slowest_visit = clock::duration::zero();
  std::size_t visits = 0;
  do {
    slowest_visit = std::max(slowest_visit, good_visit(t.where));
    ++visits;
  } while (dripping.wait_for(20ms) != std::future_status::ready);
  auto last_dripper = dripping.get();
  MESSAGE("the last dripper lived "
          << std::chrono::duration_cast<std::chrono::milliseconds>(last_dripper).count()
          << " ms, the slowest of " << visits << " good visits took "
          << std::chrono::duration_cast<std::chrono::milliseconds>(slowest_visit).count() << " ms");
  CHECK(last_dripper <= longest);
  CHECK(last_dripper > 4s);
  CHECK(slowest_visit < 1s);
  CHECK(visits > 10);
  t.log.await("event=closed");
  t.check_nothing_left();
  t.check_undisturbed();
}

/// Room for all of them, so that only time ends them.
template <class Limits>
void make_room(Limits& l) {
  if constexpr (requires { l.connections_before_login; }) l.connections_before_login = 2 * drippers;
}

tcp_options roomy(tcp_options options = {}) {
  options.limits.handshake_timeout = patient().limits.handshake_timeout;
  make_room(options.limits);
  return options;
}

constexpr std::ptrdiff_t most_before_login = 64 << 10;

/// The most that a node takes of a frame before the login, and is not yet one.
std::string almost_a_frame() {
  auto bytes = frame_of(packet::auth_request, 1, std::string(limits{}.login_frame_bytes, 'x'));
  bytes.pop_back();
  return bytes;
}

/// What has come of the node's answer, at least a byte.
std::string some_of(const raw_peer& peer) {
  pollfd answer{peer.descriptor(), POLLIN, 0};
  REQUIRE(::poll(&answer, 1, static_cast<int>(patience / 1ms)) == 1);
  char chunk[4096];
  auto n = ::recv(peer.descriptor(), chunk, sizeof chunk, 0);
  REQUIRE(n > 0);
  return {chunk, static_cast<std::size_t>(n)};
}

/// What has come to that port, as the kernel counts it, and was not taken out of a socket.
std::size_t unread(std::uint16_t port) {
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

/// What malloc has given, and what the process has in memory: with the gaps between, but without
/// the pages that earlier tests have left.
struct footprint {
  std::size_t in_use = ::mallinfo2().uordblks + ::mallinfo2().hblkhd, resident = resident_bytes();
};

/// Each stops where `play` leaves it; the node has taken all that was sent by then.
template <class Play>
void check_memory(const tcp_options& options, std::size_t count, const std::string& rest,
                  std::ptrdiff_t most, Play play) {
  raise_limit_of_descriptors();
  log_capture quiet;
  tcp_node server{registry{}, options};
  auto where = server.listen();
  std::vector<raw_peer> slow;
  slow.reserve(count);
  auto grow_to = [&](std::size_t wanted) {
    while (slow.size() < wanted) slow.push_back(play(where));
    for (auto until = clock::now() + patience; unread(where.port) > 0;)
      REQUIRE(clock::now() < until);
    CHECK(server.peers().empty()); // and the node has done with what it read last
  };
  grow_to(1); // whatever the first one costs a process
  footprint before;
  grow_to(count);
  footprint after;
  auto each = [&](std::size_t footprint::*what) {
    return (static_cast<std::ptrdiff_t>(after.*what) - static_cast<std::ptrdiff_t>(before.*what))
           / static_cast<std::ptrdiff_t>(count - 1);
  };
  auto in_use = each(&footprint::in_use), resident = each(&footprint::resident);
  MESSAGE("each of " << count << " held " << in_use << " bytes, in " << resident
                     << " of the process");
  CHECK(in_use < most);
  CHECK(resident < most);
  for (auto& peer : slow) { // they have been there all the time
    peer.send_bytes(rest);
    peer.await_close();
  }
}

/// A node that demands certificates, and one to dial it with.
struct besieged_by_tls {
  credentials made;
  tcp_options serves = roomy({.tls = made.mutual_server()});
  tls::context dials = tls::context::make(made.named("alice")).value();

  [[nodiscard]] std::unique_ptr<tls::engine> dial() const { return *dials.connect("127.0.0.1"); }
};

} // namespace

TEST_CASE(
  "slow logins: a thousand that drip are gone after 5.5 s, and good clients come in within one") {
  besiege({});
}

TEST_CASE("slow logins: the same where there is room for all of them") {
  tcp_options options;
  make_room(options.limits);
  besiege(options);
}

TEST_CASE("slow logins: a thousand that stop a byte before the end of their frame hold less than "
          "64 KiB each") {
  auto but_one = almost_a_frame();
  check_memory(roomy(), 1000, "x", most_before_login, [&](const endpoint& where) {
    raw_peer peer{where};
    CHECK(peer.receive().type == packet::auth_digest);
    peer.send_bytes(but_one);
    return peer;
  });
}

TEST_CASE("slow logins: five hundred that stop before TLS is open, or behind it, hold less than 64 "
          "KiB each") {
  besieged_by_tls t;
  SUBCASE("where the server has answered their ClientHello") {
    auto hello = std::move(t.dial()->output());
    check_memory(t.serves, 500, "no TLS", most_before_login, [&](const endpoint& where) {
      raw_peer peer{where};
      peer.send_bytes(hello);
      CHECK_FALSE(some_of(peer).empty());
      return peer;
    });
  }
  SUBCASE("a byte before the end of the proof of their certificate") {
    check_memory(t.serves, 500, "no TLS", most_before_login, [&](const endpoint& where) {
      raw_peer peer{where};
      auto tls = t.dial();
      std::string plain;
      for (peer.send_bytes(std::exchange(tls->output(), {})); !tls->is_open();)
        REQUIRE(tls->receive(some_of(peer), plain));
      peer.send_bytes(std::string_view{tls->output()}.substr(0, tls->output().size() - 1));
      return peer;
    });
  }
  SUBCASE("a byte before the end of their frame") {
    auto but_one = almost_a_frame();
    check_memory(t.serves, 500, "no TLS", most_before_login, [&](const endpoint& where) {
      raw_peer peer{where};
      peer.secure(t.dial());
      CHECK(peer.receive().type == packet::auth_digest);
      peer.send_bytes(but_one);
      return raw_peer{unique_fd{
        ::dup(peer.descriptor())}}; // without this side's TLS, which is not to be measured
    });
  }
}
