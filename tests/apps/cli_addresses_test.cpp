// The `patio` command with names that have several addresses, and with several peers of which some
// are dead. The names are those of resolver_stub.cpp.
#include <doctest/doctest.h>

#include <signal.h>

#include <nlohmann/json.hpp>

#include "cli.hpp"
#include "hosts_file.hpp"
#include "listening.hpp"
#include "outcomes.hpp"
#include "raw_peer.hpp"

using namespace patio::tests::cli;
using patio::endpoint;
using patio::tests::bound_socket;
using patio::tests::process;
using patio::tests::raw_listener;
using patio::tests::silent_listener;

namespace {

std::uint16_t port_of(const std::string& where) {
  return patio::parse_endpoint(where).value().port;
}

std::string at(const std::string& host, std::uint16_t port) {
  return to_string(endpoint{host, port});
}

std::string deserted() {
  return to_string(patio::local_endpoint(bound_socket({"127.0.0.1", 0}).get()));
}

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace

TEST_CASE("patio call: a name's address that drops SYNs does not keep it from the next address") {
  server s;
  auto port = port_of(s.where());
  silent_listener silent{{"::1", port}};
  hosts_file hosts{{"many.test ::1", "many.test 127.0.0.1"}};
  auto o = run({"call", "mul", "6", "7", "--connect", at("many.test", port)}, hosts.environment());
  CHECK(o.out == "42\n");
  CHECK(o.err.empty());
  auto ping =
    run({"ping", "--count", "1", "--connect", at("many.test", port)}, hosts.environment());
  CHECK(ping.out.starts_with(s.where() + ": ping 1 ")); // the address that was reached
}

TEST_CASE("patio call: an address of the name where the login fails leads to the next address") {
  server s;
  auto port = port_of(s.where());
  raw_listener stranger{{"::1", port}};
  hosts_file hosts{{"many.test ::1", "many.test 127.0.0.1"}};
  process call{{PATIO_COMMAND, "call", "mul", "6", "7", "--connect", at("many.test", port)},
               hosts.environment()};
  stranger.accept().close();
  CHECK(call.read_line() == "42");
  CHECK(call.wait() == 0);
}

TEST_CASE("patio call: the error of a name has each address with its reason") {
  auto port = port_of(deserted());
  hosts_file hosts{{"many.test 127.0.0.1", "many.test ::1", "many.test 127.0.0.2"}};
  auto o = run({"call", "f", "--connect", at("many.test", port)}, hosts.environment());
  check_error(o, 3,
              "cannot connect to " + at("many.test", port) + ": " + at("127.0.0.1", port)
                + ": Connection refused; " + at("::1", port) + ": Connection refused; "
                + at("127.0.0.2", port) + ": Connection refused");
}

TEST_CASE("patio call: a resolver that hangs takes no longer than the connect timeout") {
  hosts_file hosts{{"slow.test never"}};
  auto o = run({"call", "f", "--connect", "slow.test:1", "--timeout", "0.2"}, hosts.environment());
  check_error(o, 3, "the login took longer than --timeout");
  server s;
  auto other = run({"call", "mul", "6", "7", "--connect", "slow.test:1", "--connect", s.where()},
                   hosts.environment());
  CHECK(other.out == "42\n");
}

TEST_CASE("patio serve: a dialled name is resolved anew and reached at its other address") {
  auto first = std::make_unique<server>();
  auto port = port_of(first->where());
  hosts_file hosts{{"many.test 127.0.0.1"}};
  process dialler{{PATIO_COMMAND, "serve", "--verbose", "--connect", at("many.test", port)},
                  hosts.environment(),
                  process::errors::captured};
  CHECK(dialler.await("connected to ") == at("many.test", port) + " at " + first->where());
  process second{{PATIO_COMMAND, "serve", "--listen", at("::1", port), "--demo"}};
  CHECK(second.await("listening on ") == at("::1", port));
  SUBCASE("because the name moves") { hosts.set({"many.test ::1"}); }
  SUBCASE("because the first address is gone") {
    hosts.set({"many.test 127.0.0.1", "many.test ::1"});
  }
  first->child().signal(SIGKILL);
  (void)first->child().wait();
  std::string log;
  while (log.find("event=connected peer=" + at("::1", port)) == std::string::npos) {
    auto line = dialler.error_lines().line();
    REQUIRE(line);
    log += *line + "\n";
  }
  // The line of the loss says which address was lost.
  CHECK(log.find("event=disconnected peer=" + at("many.test", port) + " reason=\"" + first->where()
                 + ": ")
        != std::string::npos);
  dialler.signal(SIGTERM);
  CHECK(dialler.wait() == 0);
}

TEST_CASE("patio serve: it listens on all addresses of a name, with one port for port 0") {
  hosts_file hosts{{"many.test ::1", "many.test 127.0.0.1", "many.test ::1"}};
  process node{{PATIO_COMMAND, "serve", "--demo", "--listen", "many.test:0"}, hosts.environment()};
  auto first = node.await("listening on "), second = node.await("listening on ");
  CHECK(first == at("::1", port_of(first)));
  CHECK(second == at("127.0.0.1", port_of(first)));
  for (const auto& where : {first, second})
    CHECK(run({"call", "mul", "6", "7", "--connect", where}).out == "42\n");
  node.signal(SIGTERM);
  CHECK(node.wait() == 0);
}

TEST_CASE("patio serve: a listening name needs all its addresses of this machine, and a key if one "
          "of them is open to others") {
  auto taken = bound_socket({"::1", 0});
  auto port = patio::local_endpoint(taken.get()).port;
  hosts_file hosts{{"many.test 127.0.0.1", "many.test ::1", "open.test 127.0.0.1",
                    "open.test 0.0.0.0", "half.test 192.0.2.1", "half.test 127.0.0.1"}};
  check_error(run({"serve", "--listen", at("many.test", port)}, hosts.environment()), 3,
              "cannot listen on " + at("many.test", port) + ": " + at("::1", port)
                + ": Address already in use");
  check_error(run({"serve", "--listen", "open.test:0"}, hosts.environment()), 2,
              "anybody who reaches 0.0.0.0:");
  process half{{PATIO_COMMAND, "serve", "--demo", "--listen", "half.test:0"},
               hosts.environment(),
               process::errors::captured};
  CHECK(half.await("listening on ").starts_with("127.0.0.1:"));
  auto line = half.error_lines().line();
  REQUIRE(line);
  CHECK(line->find("level=warning event=skipped reason=\"192.0.2.1:0: Cannot assign "
                   "requested address\"")
        != std::string::npos);
}

TEST_CASE(
  "patio call, list, ping and bench: of several peers the living serve, and each dead one is "
  "one warning") {
  server s;
  auto dead = deserted(), gone = deserted();
  std::vector<std::vector<std::string>> commands{{"list"},
                                                 {"ping", "--count", "1"},
                                                 {"bench", "--calls", "5", "--args", "[1]"},
                                                 {"call", "no.such.name"}};
  for (auto words : commands) {
    CAPTURE(words[0]);
    bool is_call = words[0] == "call"; // an error of its own, after all peers were asked
    words.insert(words.end(), {"--connect", dead, "--connect", s.where(), "--connect", gone});
    auto o = run(words);
    CHECK(o.code == (is_call ? 5 : 0));
    CHECK(o.out.empty() == is_call);
    CHECK(count_lines(o.err) == (is_call ? 3 : 2));
    CHECK(o.err.find("patio: warning: cannot connect to " + dead + ": Connection refused\n")
          != std::string::npos);
    CHECK(o.err.find("patio: warning: cannot connect to " + gone + ": Connection refused\n")
          != std::string::npos);
  }
  for (const auto& order : {std::vector{dead, s.where()}, {s.where(), dead}}) {
    auto o = run({"call", "mul", "6", "7", "--connect", order[0], "--connect", order[1]});
    CHECK(o.code == 0);
    CHECK(o.out == "42\n");
    CHECK(count_lines(o.err) <= 1);
  }
}

TEST_CASE("patio call: a living peer is called without a wait for one that drops SYNs") {
  server s;
  silent_listener silent;
  auto o =
    run({"call", "mul", "6", "7", "--connect", to_string(silent.where()), "--connect", s.where()});
  CHECK(o.out == "42\n");
  CHECK(o.err.empty()); // the silent peer has failed nowhere yet
}

TEST_CASE("patio call: if all peers are dead, one error names each with its reason") {
  auto dead = deserted();
  server keyed{{"--demo"}, {{"PATIO_KEY", "right"}}};
  silent_listener silent;
  auto o = run({"call", "f", "--timeout", "1", "--connect", dead, "--connect", keyed.where(),
                "--connect", to_string(silent.where())},
               {{"PATIO_KEY", "wrong"}});
  check_error(o, 3, "all 3 peers failed: cannot connect to " + dead + ": Connection refused; ");
  CHECK(o.err.find("; " + keyed.where() + ": ") != std::string::npos);
  CHECK(o.err.find("; " + to_string(silent.where()) + ": the login took longer than --timeout")
        != std::string::npos);
}

TEST_CASE("patio list and ping: several living peers are listed together and pinged in turn") {
  server a, b{{"--demo", "--executor", "null"}};
  auto list = run({"list", "--json", "--connect", a.where(), "--connect", b.where()});
  CHECK(nlohmann::json::parse(list.out).size() == 8);
  auto ping = run({"ping", "--count", "2", "--connect", a.where(), "--connect", b.where()});
  for (const auto& where : {a.where(), b.where()})
    for (const char* number : {"1", "2"})
      CHECK(ping.out.find(where + ": ping " + number + " ") != std::string::npos);
  CHECK(ping.code == 0);
}
