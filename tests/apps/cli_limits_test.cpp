// `patio serve`: its limits, its peers' keys, its access rules, and the addresses that it listens
// on without a key.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <patio/protocol/limit_table.hpp>

#include "cli.hpp"
#include "raw_peer.hpp"

using namespace patio::tests::cli;
using patio::tests::process;
using patio::tests::raw_peer;

namespace {

/// A resource: the destructor removes the file.
class temporary_file {
public:
  temporary_file(std::string name, const std::string& bytes) : name_{std::move(name)} {
    std::ofstream{name_} << bytes;
  }
  ~temporary_file() { std::remove(name_.c_str()); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }

private:
  std::string name_;
};

patio::tests::finished serve(std::vector<std::string> flags, const process::environment& env = {}) {
  flags.insert(flags.begin(), {"serve", "--listen", "127.0.0.1:0"});
  return run(std::move(flags), env);
}

patio::tests::finished call(const server& s, const std::string& function, const std::string& key) {
  return run({"call", function, "6", "7", "--timeout", "20", "--connect", s.where()},
             {{"PATIO_KEY", key}});
}

/// Returns the lowest number above every open descriptor of the process.
rlim_t end_of_descriptors(pid_t pid) {
  rlim_t end = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"})
    end = std::max<rlim_t>(end, std::stoul(entry.path().filename()) + 1);
  return end;
}

/// Allows the process descriptors below this number only.
void limit_descriptors(pid_t pid, rlim_t end) {
  rlimit limit{};
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &limit) == 0);
  limit.rlim_cur = std::min(end, limit.rlim_max);
  REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0);
}

} // namespace

TEST_CASE("patio serve: --help lists every limit with its default") {
  auto help = run({"serve", "--help"});
  CHECK(help.code == 0);
  for (const auto& row : patio::limit_table()) {
    auto line = "\n  " + std::string{row.name} + "=" + patio::limit_value({}, row.which) + " ";
    CHECK_MESSAGE(help.out.find(line) != std::string::npos, line);
    CHECK_MESSAGE(help.out.find(std::string{row.meaning} + "\n") != std::string::npos, row.meaning);
  }
}

TEST_CASE("patio serve: each --limit sets a limit") {
  server s{{"--demo", "--limit", "name_bytes=4", "--limit", "frame_bytes=2KiB", "--limit",
            "route_timeout=0.5s"}};
  CHECK(call(s, "mul", "").out == "42\n");
  auto long_name = run({"call", "whoami", "--connect", s.where()});
  CHECK(long_name.code == 7);
  auto large = run({"call", "echo", std::string(3'000, 'x'), "--connect", s.where()});
  check_error(large, 7, "over the limit of 2048");
  s.child().signal(SIGTERM);
  CHECK(s.child().wait() == 0);
  CHECK(s.child().error_lines().rest().find("(limit frame_bytes=2KiB, exceeded 1 times)")
        != std::string::npos);
}

TEST_CASE("patio serve: a wrong --limit is exit code 2, and the message says what is right") {
  check_error(
    serve({"--limit", "frame_bytes=0"}), 2,
    "--limit: frame_bytes takes a number of bytes (KiB, MiB, GiB) from 128 to 1GiB, not '0'");
  check_error(
    serve({"--limit", "drain_timeout=1MiB"}), 2,
    "--limit: drain_timeout takes a number of seconds (ms, min, h) from 0s to 3600s, not '1MiB'");
  check_error(serve({"--limit", "frames=1"}), 2,
              "--limit: unknown limit 'frames' ('patio serve --help' lists the limits)");
  check_error(serve({"--limit", "frame=1MiB"}), 2,
              "--limit: unknown limit 'frame': it is now named 'frame_bytes'");
  check_error(serve({"--limit", "frame"}), 2, "--limit: a limit is NAME=VALUE, not 'frame'");
}

TEST_CASE(
  "patio serve: --peer-key gives the peers their names, and --allow lets a name call functions") {
  temporary_file billing{"cli_limits_billing_key", "key of billing\n"},
    admin{"cli_limits_admin_key", "key of admin"};
  server s{{"--demo", "--peer-key", "billing=" + billing.name(), "--peer-key",
            "admin=" + admin.name(), "--allow", "*:echo", "--allow", "billing:m*", "--allow",
            "admin:*"},
           {{"PATIO_KEY", "own"}}};
  CHECK(call(s, "mul", "key of billing").out == "42\n");
  CHECK(call(s, "sub", "key of billing").code == 5);
  CHECK(call(s, "sub", "key of admin").out == "-1\n");
  CHECK(call(s, "mul", "own").code == 5);
  CHECK(call(s, "echo", "own").code == 0);
  CHECK(call(s, "echo", "another").code == 3);
  CHECK(call(s, "echo", "").code == 3);
  CHECK(run({"list", "--connect", s.where()}, {{"PATIO_KEY", "key of billing"}}).out
        == "echo\nmul\n");
}

TEST_CASE(
  "patio serve: a wrong --allow or --peer-key is exit code 2, and the message says what is right") {
  temporary_file key{"cli_limits_key", "key"}, same{"cli_limits_same_key", "key\n"},
    empty{"cli_limits_empty_key", "\n"};
  check_error(serve({"--allow", "billing"}), 2,
              "--allow: a rule is NAME:PATTERN, e.g. billing:invoice_* or *:ping, not 'billing'");
  check_error(serve({"--peer-key", "billing=" + key.name(), "--allow", "bilimg:m*"}), 2,
              "--allow bilimg:m* matches no peer: a peer gets its name from its key (--peer-key "
              "bilimg=FILE) or from its TLS certificate");
  check_error(serve({"--peer-key", key.name()}), 2,
              "--peer-key takes NAME=FILE, not 'cli_limits_key'");
  check_error(serve({"--peer-key", "=" + key.name()}), 2, "--peer-key takes NAME=FILE");
  check_error(serve({"--peer-key", "billing=no_such_file"}), 2,
              "cannot read no_such_file: No such file or directory");
  check_error(serve({"--peer-key", "billing="}), 2, "cannot read");
  check_error(serve({"--peer-key", "billing=" + empty.name()}), 2,
              "cli_limits_empty_key is empty: a key has 1 to 32 bytes; omit the option if you need "
              "no key");
  check_error(serve({"--peer-key", "a=" + key.name(), "--peer-key", "b=" + same.name()}), 2,
              "the key of 'b' occurs twice: all keys must be different");
  check_error(serve({"--peer-key", "a=" + key.name()}, {{"PATIO_KEY", "key"}}), 2,
              "the key of 'a' occurs twice: all keys must be different");
}

TEST_CASE(
  "patio: the message about a key that is too long names its file and shows none of the key") {
  for (std::size_t size : {33, 100, 70'000, 2'000'000}) {
    INFO(size);
    temporary_file key{"cli_limits_long_key", std::string(size, 'Q')};
    for (const auto& flags : {std::vector<std::string>{"--key-file", key.name()},
                              {"--peer-key", "billing=" + key.name()}}) {
      auto o = serve(flags);
      check_error(o, 2, key.name());
      CHECK(o.err.find("QQ") == std::string::npos);
    }
  }
  temporary_file longest{"cli_limits_longest_key", std::string(32, 'Q') + "\n"};
  server s{{"--demo", "--key-file", longest.name()}};
  CHECK(call(s, "mul", std::string(32, 'Q')).out == "42\n");
  auto o = serve({}, {{"PATIO_KEY", std::string(33, 'Q')}});
  check_error(o, 2, "PATIO_KEY: a key has at most 32 bytes, not 33");
  CHECK(o.err.find("QQ") == std::string::npos);
}

TEST_CASE("patio serve: the key is overwritten in the environment of the process") {
  server s{{"--demo"}, {{"PATIO_KEY", "a key that nobody sees"}}};
  std::ifstream in{"/proc/" + std::to_string(s.child().id()) + "/environ"};
  std::string all{std::istreambuf_iterator<char>{in}, {}};
  CHECK(all.find("PATIO_KEY=") != std::string::npos);
  CHECK(all.find("nobody sees") == std::string::npos);
}

TEST_CASE("patio serve: it listens beyond this machine only with a key or with "
          "--insecure-listen-to-all") {
  auto listen_to_all = [](std::vector<std::string> flags) {
    flags.insert(flags.begin(), {PATIO_COMMAND, "serve", "--demo", "--listen", "0.0.0.0:0"});
    return flags;
  };
  auto refused = run({"serve", "--demo", "--listen", "0.0.0.0:0"}, {{"PATIO_KEY", ""}});
  check_error(refused, 2, "anybody who reaches 0.0.0.0:");
  CHECK(refused.err.find("(set PATIO_KEY, --key-file, --peer-key or --tls-ca, or allow this with "
                         "--insecure-listen-to-all)")
        != std::string::npos);
  temporary_file key{"cli_limits_all_key", "key"};
  process keyed{listen_to_all({}), {{"PATIO_KEY", "secret"}}},
    named{listen_to_all({"--peer-key", "a=" + key.name()})},
    insecure{listen_to_all({"--insecure-listen-to-all"})};
  for (auto* p : {&keyed, &named, &insecure})
    CHECK(p->await("listening on ").starts_with("0.0.0.0:"));
}

TEST_CASE("patio serve: without free descriptors it logs the error, pauses, and accepts again when "
          "descriptors are free") {
  server s{{"--demo", "--limit", "accept_retry_delay=20ms", "--limit",
            "connections_before_login=1000"}}; // the number of inherited descriptors is not known
  auto child = s.child().id();
  CHECK(call(s, "mul", "").out == "42\n");
  auto where = patio::parse_endpoint(s.where()).value();
  auto end = end_of_descriptors(child);
  limit_descriptors(child, end);
  std::vector<raw_peer> crowd; // the first connections use the free descriptors below the end
  for (rlim_t i = 0; i < end; ++i) crowd.emplace_back(where);
  for (std::optional<std::string> line; (line = s.child().error_lines().line());)
    if (line->find("cannot accept: Too many open files") != std::string::npos) break;
  crowd.clear();
  raw_peer waiting{where};
  limit_descriptors(child, 1'000);
  waiting.log_in_as_client();
  CHECK(call(s, "mul", "").out == "42\n");
  s.child().signal(SIGTERM);
  CHECK(s.child().wait() == 0);
}

TEST_CASE("patio serve: a node that serves no functions and dials no peer says so") {
  process s{{PATIO_COMMAND, "serve", "--listen", "127.0.0.1:0"}, {}, process::errors::captured};
  (void)s.await("listening on ");
  CHECK(s.error_lines().line()
        == "patio: this node serves no functions (--module or --demo serves some)");
}
