// Dialling hosts with several addresses, over real sockets. The timing of the attempts is tested in
// virtual time, in happy_eyeballs_test.cpp.
#include <doctest/doctest.h>

#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <future>
#include <map>
#include <mutex>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/connector.hpp>

#include "listening.hpp"
#include "outcomes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

/// The resolver of the tests: names and their addresses, which may change. Shared with the
/// connector's threads.
class hosts {
public:
  void set(const std::string& name, std::vector<endpoint> addresses) {
    std::lock_guard lock{mutex_};
    hosts_[name] = std::move(addresses);
  }
  [[nodiscard]] result<std::vector<address>> find(const endpoint& target) {
    std::lock_guard lock{mutex_};
    if (!hosts_.contains(target.host))
      return fail(errc::connect_failed, "cannot resolve '" + target.host + "': unheard of");
    std::vector<address> all;
    for (const auto& where : hosts_[target.host])
      all.push_back(resolve(where, false).value().at(0));
    return all;
  }

private:
  std::mutex mutex_;
  std::map<std::string, std::vector<endpoint>> hosts_;
};

std::future<result<connected_socket>> dial(connector& c, dial_request request) {
  auto promise = std::make_shared<std::promise<result<connected_socket>>>();
  auto future = promise->get_future();
  c.connect(std::move(request),
            [promise](result<connected_socket> r) { promise->set_value(std::move(r)); });
  return future;
}

struct dialling {
  hosts names;
  connector c{1s, [this](const endpoint& target) { return names.find(target); }};

  result<connected_socket> reach(std::vector<endpoint> addresses,
                                 std::vector<std::string> avoided = {},
                                 instant deadline = after(clock_now(), patience)) {
    names.set("host", std::move(addresses));
    return ended(dial(c, {{"host", 1}, std::move(avoided), deadline}));
  }
};

endpoint deserted(const std::string& address = "127.0.0.1") {
  return local_endpoint(bound_socket({address, 0}).get());
}

/// An address that accepts connections.
struct open_address {
  unique_fd fd;
  endpoint where;
  explicit open_address(const std::string& host = "127.0.0.1")
      : fd{bound_socket({host, 0})}, where{local_endpoint(fd.get())} {}
  [[nodiscard]] bool has_connection() const {
    return unique_fd{::accept4(fd.get(), nullptr, nullptr, SOCK_NONBLOCK)}.get() >= 0;
  }
};

void check_reached(const result<connected_socket>& outcome, const endpoint& where) {
  REQUIRE(outcome);
  CHECK(to_string(remote_endpoint(outcome->fd.get())) == to_string(where));
  CHECK(outcome->address == where);
}

} // namespace

TEST_CASE("connector: a silent first address does not keep a dial from the second") {
  dialling d;
  SUBCASE("IPv6 first") {
    silent_listener silent{{"::1", 0}};
    open_address good;
    check_reached(d.reach({silent.where(), good.where}), good.where);
  }
  SUBCASE("IPv4 first") {
    silent_listener silent;
    open_address good{"::1"};
    check_reached(d.reach({silent.where(), good.where}), good.where);
  }
  SUBCASE("several silent ones of one family") {
    silent_listener a, b, c;
    open_address good;
    check_reached(d.reach({a.where(), b.where(), c.where(), good.where}), good.where);
  }
}

TEST_CASE("connector: a refused address leads to the next one at once") {
  dialling d;
  open_address good;
  auto outcome = d.reach({deserted("::1"), deserted(), deserted(), good.where});
  check_reached(outcome, good.where);
  CHECK_FALSE(outcome->has_others);
}

TEST_CASE("connector: the first address that answers is the only one that is connected") {
  dialling d;
  open_address first, second{"::1"};
  auto outcome = d.reach({first.where, second.where});
  check_reached(outcome, first.where);
  CHECK(outcome->has_others);
  CHECK(first.has_connection());
  CHECK_FALSE(second.has_connection());
}

TEST_CASE("connector: an address to avoid is left out, unless the host has no other") {
  dialling d;
  open_address first, second;
  auto outcome = d.reach({first.where, second.where}, {to_string(first.where)});
  check_reached(outcome, second.where);
  CHECK_FALSE(outcome->has_others);
  check_reached(d.reach({first.where}, {to_string(first.where)}), first.where);
}

TEST_CASE("connector: an error names every address with its reason") {
  dialling d;
  silent_listener silent;
  auto gone = deserted("::1");
  auto outcome = d.reach({silent.where(), gone}, {}, after(clock_now(), 400ms));
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::connect_failed);
  CHECK(outcome.error().message
        == "cannot connect to host:1: " + to_string(silent.where()) + ": no answer in time; "
             + to_string(gone) + ": Connection refused");
}

TEST_CASE("connector: a name is resolved anew for each dial") {
  dialling d;
  open_address first, second{"::1"};
  check_reached(d.reach({first.where}), first.where);
  check_reached(d.reach({second.where}), second.where);
}

TEST_CASE("connector: a name without an address, or without a resolver's answer, is an error") {
  dialling d;
  auto empty = d.reach({});
  REQUIRE_FALSE(empty);
  CHECK(empty.error().message == "cannot connect to host:1: the host has no address");
  auto unknown = ended(dial(d.c, {{"unknown", 1}, {}, after(clock_now(), patience)}));
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message
        == "cannot connect to unknown:1: cannot resolve 'unknown': unheard of");
}

TEST_CASE("connector: a resolver that hangs ends a dial at its deadline, and is asked once") {
  auto started = std::make_shared<std::atomic<int>>(0);
  std::promise<void> release;
  auto released = release.get_future().share();
  open_address good;
  connector c{1s, [=, where = good.where](const endpoint&) {
                ++*started;
                released.wait();
                return resolve(where, false);
              }};
  auto soon = [] { return after(clock_now(), 20ms); };
  for (int i = 0; i < 3; ++i) {
    auto late = ended(dial(c, {{"slow", 1}, {}, soon()}));
    REQUIRE_FALSE(late);
    CHECK(late.error().message
          == "cannot connect to slow:1: cannot resolve 'slow': no answer in time");
  }
  CHECK(*started == 1); // the later dials wait for the same answer
  auto patient = dial(c, {{"slow", 1}, {}, after(clock_now(), patience)});
  auto other = ended(dial(c, {good.where, {}, after(clock_now(), patience)}));
  check_reached(other, good.where); // nobody waits for another's resolver
  release.set_value();
  check_reached(ended(patient), good.where);
}

TEST_CASE("connector: its end neither waits for a resolver nor for an address") {
  std::promise<void> release;
  // The resolver's thread may be the last to use these.
  auto began_lookup = std::make_shared<std::promise<void>>(),
       ended_lookup = std::make_shared<std::promise<void>>();
  auto released = release.get_future().share();
  silent_listener silent;
  {
    connector c{1s, [=](const endpoint&) {
                  began_lookup->set_value();
                  released.wait();
                  ended_lookup->set_value();
                  return result<std::vector<address>>{};
                }};
    auto slow = dial(c, {{"slow", 1}, {}, never});
    auto unanswered = dial(c, {silent.where(), {}, never});
    ended(began_lookup->get_future());
    CHECK_FALSE(is_ready(slow));
    CHECK_FALSE(is_ready(unanswered));
  }
  release.set_value();
  ended(ended_lookup->get_future());
}
