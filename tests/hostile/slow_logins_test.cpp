// A thousand connections that send one byte a second of a lawful login. They take the time that a login may take, about 6 s.
#include <doctest/doctest.h>

#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <patio/login.hpp>

#include "hostile.hpp"

using namespace patio;
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
  std::string login;
  frame_writer w{login, packet::auth_request, 1};
  login += login_answer(login_challenge("0123456789abcdef"), key, "salt");
  (void)w.close(std::string::npos);
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
    } catch (const std::runtime_error&) { // among hundreds that came at once it was the oldest: it comes again, as clients do
      if (clock::now() - begun < 1s) continue;
      throw;
    }
    check_served(good);
    return clock::now() - begun;
  }
}

void besiege(tcp_options options) {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  files.rlim_cur = files.rlim_max;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
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
  MESSAGE("the last dripper lived " << std::chrono::duration_cast<std::chrono::milliseconds>(last_dripper).count() << " ms, the slowest of "
                                    << visits << " good visits took "
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

} // namespace

TEST_CASE("slow logins: a thousand that drip are gone after 5.5 s, and good clients come in within one") { besiege({}); }

TEST_CASE("slow logins: the same where there is room for all of them") {
  tcp_options options;
  make_room(options.limits);
  besiege(options);
}
