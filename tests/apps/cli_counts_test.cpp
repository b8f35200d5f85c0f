// What the `patio` command counts: rates and latencies are of calls that were answered, failures
// have a place of their own, and health checks are no warnings.
#include <doctest/doctest.h>

#include <signal.h>

#include <nlohmann/json.hpp>

#include <patio/pickle/pickle.hpp>

#include "cli.hpp"
#include "mesh_account.hpp"
#include "raw_peer.hpp"

using namespace patio::tests::cli;
using patio::apps::mesh_account;
using patio::tests::process;
using patio::tests::raw_listener;
using patio::tests::raw_peer;

namespace {

/// Connects and says nothing, as a health check does. Returns once the node has seen the end.
void probe(const server& s) {
  raw_peer peer{patio::parse_endpoint(s.where()).value()};
  peer.half_close();
  peer.await_close();
}
void reset(const server& s) {
  raw_peer peer{patio::parse_endpoint(s.where()).value()};
  (void)peer.receive(); // the challenge: the node has accepted the connection
  peer.reset();
}

std::string log_until_end(server& s) {
  s.child().signal(SIGTERM);
  CHECK(s.child().wait() == 0);
  return s.child().error_lines().rest();
}

std::string answer(const patio::value& v) {
  std::string bytes;
  REQUIRE(patio::write_pickle(v, bytes));
  return bytes;
}

} // namespace

TEST_CASE("patio serve: health checks leave no line, and a refused login between them leaves one") {
  server s{{"--demo"}, {{"PATIO_KEY", "right"}}};
  for (int i = 0; i < 3; ++i) {
    probe(s);
    reset(s);
  }
  CHECK(run({"call", "mul", "6", "7", "--connect", s.where()}, {{"PATIO_KEY", "wrong"}}).code == 3);
  probe(s);
  CHECK(run({"call", "mul", "6", "7", "--connect", s.where()}, {{"PATIO_KEY", "right"}}).out
        == "42\n");
  auto log = log_until_end(s);
  INFO(log);
  CHECK(std::count(log.begin(), log.end(), '\n') == 1);
  CHECK(log.find("wrong key") != std::string::npos);
}

TEST_CASE("patio serve: --verbose counts the health checks") {
  server s{{"--demo", "--verbose"}};
  for (int i = 0; i < 3; ++i) probe(s);
  auto log = log_until_end(s);
  INFO(log);
  CHECK(log.find(" silent=3\n") != std::string::npos);
  CHECK(log.find("level=warning") == std::string::npos);
}

TEST_CASE("patio bench: the rate is of the calls that were answered before the peer was lost") {
  raw_listener listener;
  process bench{{PATIO_COMMAND, "bench", "--function", "f", "--calls", "1000", "--json",
                 "--connect", patio::to_string(listener.where())},
                {},
                process::errors::captured};
  auto peer = listener.accept();
  peer.log_in_as_server({"f"});
  for (int i = 0; i < 2; ++i)
    peer.send(patio::protocol::packet::response, peer.receive().serial, answer(7));
  (void)peer.receive();
  peer.close();
  auto j = nlohmann::json::parse(bench.read_all());
  CHECK(bench.wait() == 6);
  INFO(j.dump());
  CHECK(j["calls"] == 1000);
  CHECK(j["answered"] == 2);
  CHECK(j["errors"] == 998);
  CHECK(j["failures"]["maybe_executed"] == 1);
  std::size_t failures = 0;
  for (const auto& [kind, count] : j["failures"].items()) failures += count.get<std::size_t>();
  CHECK(failures == 998);
  // One call after another: no more of them fit into a second than the shortest call allows.
  CHECK(j["calls_per_s"].get<double>() <= 1e6 / j["p50_us"].get<double>());
}

TEST_CASE("patio bench: if no call was answered, the rate is 0 and there is no latency") {
  server s;
  std::vector<std::string> command{"bench",  "--connect",      s.where(), "--function", "fail",
                                   "--args", "['ValueError']", "--calls", "10"};
  auto text = run(command);
  CHECK(text.code == 1);
  CHECK(text.out
        == "0 of 10 calls answered, 1 in flight: 0 calls/s\n"
           "10 of 10 calls failed: remote_error=10\n");
  command.emplace_back("--json");
  auto j = nlohmann::json::parse(run(command).out);
  CHECK(j["calls_per_s"] == 0);
  CHECK((j["p50_us"].is_null() && j["p99_us"].is_null()));
  CHECK(j["errors"] == 10);
  CHECK(j["failures"] == nlohmann::json{{"remote_error", 10}});
}

TEST_CASE("patio bench: a function that nobody serves has no rate") {
  server s;
  auto ended = run({"bench", "--connect", s.where(), "--function", "unheard_of", "--calls", "4",
                    "--in-flight", "4"});
  CHECK(ended.code == 5);
  CHECK(ended.out
        == "0 of 4 calls answered, 4 in flight: 0 calls/s\n4 of 4 calls failed: no_route=4\n");
}

TEST_CASE("patio bench: without failures there is one line") {
  server s;
  auto ended = run({"bench", "--connect", s.where(), "--args", "[3, 4]", "--calls", "20"});
  CHECK(ended.code == 0);
  CHECK(ended.out.starts_with("20 of 20 calls answered, 1 in flight: "));
  CHECK(ended.out.find(" calls/s, p50 ") != std::string::npos);
  CHECK(std::count(ended.out.begin(), ended.out.end(), '\n') == 1);
}

TEST_CASE("patio mesh: answered calls and their latencies leave out whatever failed") {
  mesh_account account;
  for (auto call : {"1", "2", "3", "4", "5"}) account.record(0, std::string{"b "} + call);
  account.record(0, "e 1 value 100");
  account.record(0, "e 2 value 300");
  account.record(0, "e 3 no_route 5000000");
  account.record(0, "e 4 wrong 7");
  CHECK(account.answered() == 2);
  CHECK(account.failed() == 2);
  CHECK(account.open() == 1);
  CHECK(account.take_latencies() == std::vector<std::uint64_t>{100, 300});
  account.killed(0);
  CHECK(account.failed() == 2);
  CHECK(account.summarize().caller_killed == 1);
}

TEST_CASE("patio mesh: a run in which a call ended with a wrong value is not a good one") {
  mesh_account account;
  account.record(0, "b 1");
  account.record(1, "x 1");
  account.record(0, "e 1 value 5");
  CHECK(account.summarize().good());
  account.record(0, "b 2");
  account.record(1, "x 2");
  account.record(0, "e 2 wrong 5");
  CHECK(account.summarize().wrong == 1);
  CHECK_FALSE(account.summarize().good());
}
