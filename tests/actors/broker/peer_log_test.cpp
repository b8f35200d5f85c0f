// The lines that a broker logs about its peers, and their budget.
#include <doctest/doctest.h>

#include <patio/actors/broker/peer_log.hpp>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

instant now{};
instant test_clock() { return now; }

/// Logs all levels while it lives.
struct verbose {
  log_capture log;
  verbose() {
    now = 1h;
    set_log_level(log_level::debug);
  }
  ~verbose() { set_log_level(log_level::warning); }
};

} // namespace

TEST_CASE("peer_log: an event is one line of keys and values") {
  verbose v;
  peer_log log{10, test_clock};
  log.warn("refused", "10.0.0.7:15383", "it said \"no\"\n");
  log.tell("connected", "10.0.0.7:15383", " functions=3");
  CHECK(v.log.lines()
        == std::vector<std::string>{
          R"(event=refused peer=10.0.0.7:15383 reason="it said \x22no\x22\x0a")",
          "event=connected peer=10.0.0.7:15383 functions=3"});
}

TEST_CASE("peer_log: lines beyond a network's budget are left out, and the next line counts them") {
  verbose v;
  peer_log log{2, test_clock};
  for (int port = 1; port <= 5; ++port)
    log.warn("closed", "10.0.0.7:" + std::to_string(port), "why");
  CHECK(v.log.lines().size() == 2);
  log.warn("closed", "10.9.0.7:1", "why");
  CHECK(v.log.lines().back() == "event=closed peer=10.9.0.7:1 reason=\"why\" lines_left_out=3");
  now += 1s;
  log.warn("closed", "10.0.0.7:6", "why");
  CHECK(v.log.lines().back() == "event=closed peer=10.0.0.7:6 reason=\"why\"");
}

TEST_CASE("peer_log: all networks together have a budget of ten times that of one network") {
  verbose v;
  peer_log log{1, test_clock};
  for (int network = 1; network <= 20; ++network)
    log.warn("closed", "10." + std::to_string(network) + ".0.1:1", "why");
  CHECK(v.log.lines().size() == 10);
}

TEST_CASE("peer_log: warnings and other lines have separate budgets") {
  verbose v;
  peer_log log{1, test_clock};
  log.warn("closed", "10.0.0.7:1", "why");
  log.tell("connected", "10.0.0.7:2", "");
  CHECK(v.log.lines().size() == 2);
}

TEST_CASE("peer_log: a line below the log level does not use the budget") {
  verbose v;
  peer_log log{1, test_clock};
  set_log_level(log_level::warning);
  log.tell("connected", "10.0.0.7:1", "");
  set_log_level(log_level::debug);
  log.tell("connected", "10.0.0.7:2", "");
  CHECK(v.log.lines().size() == 1);
}
