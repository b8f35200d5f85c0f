// The `patio` command in bad surroundings: descriptors that are closed, full or few, little memory,
// files that cannot be read, signals that the parent has blocked. Each ends in an error or in an
// answer, never in silence, a crash or a hang.
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <fstream>

#include "cli.hpp"
#include "raw_peer.hpp"

using namespace patio::tests::cli;
using patio::tests::finished;
using patio::tests::process;
using patio::tests::raw_listener;
using patio::tests::raw_peer;
using namespace std::chrono_literals;

namespace {

/// A command line of the shell, in which "$0" is `patio` and "$@" are the arguments.
std::vector<std::string> shell(const std::string& script, std::vector<std::string> args) {
  args.insert(args.begin(), {"sh", "-c", script, PATIO_COMMAND});
  return args;
}

finished run_in_shell(const std::string& script, std::vector<std::string> args) {
  return patio::tests::run(shell(script, std::move(args)));
}

/// The commands that print a result.
std::vector<std::vector<std::string>> printing_commands(const std::string& where) {
  return {{"call", "mul", "6", "7", "--connect", where},
          {"call", "echo", "[1]", "--json", "--connect", where},
          {"list", "--connect", where},
          {"list", "--json", "--connect", where},
          {"ping", "--count", "2", "--connect", where},
          {"bench", "--connect", where, "--args", "[3, 4]", "--calls", "10"},
          {"bench", "--connect", where, "--args", "[3, 4]", "--calls", "10", "--json"},
          {"mesh", "--nodes", "2", "--duration", "0.2"},
          {"call", "--help"},
          {"--version"}};
}

/// `patio serve` without its "listening on" line: connects to the test's listener once it runs.
class silent_server {
public:
  explicit silent_server(const std::string& script)
      : process_{shell(script, {"serve", "--connect", patio::to_string(listener_.where())}),
                 {},
                 process::errors::captured},
        peer_{listener_.accept()} {
    peer_.log_in_as_server({"f"});
  }
  [[nodiscard]] process& child() { return process_; }

private:
  raw_listener listener_;
  process process_;
  raw_peer peer_;
};

const std::string fill_output = "head -c 65536 /dev/zero; exec \"$0\" \"$@\"";
const std::string fill_errors = "head -c 65536 /dev/zero >&2; exec \"$0\" \"$@\"";

} // namespace

TEST_CASE("patio: a result that a full disk refuses is an error with exit code 6") {
  server s;
  for (const auto& command : printing_commands(s.where())) {
    CAPTURE(command.front());
    check_error(run_in_shell("exec \"$0\" \"$@\" >/dev/full", command), 6,
                "cannot write to standard output: No space left on device");
  }
}

TEST_CASE("patio: a result for a closed standard output is an error with exit code 6") {
  server s;
  for (const auto& command : printing_commands(s.where())) {
    CAPTURE(command.front());
    check_error(run_in_shell("exec \"$0\" \"$@\" >&-", command), 6,
                "cannot write to standard output: Bad file descriptor");
  }
}

TEST_CASE("patio call: a result beyond the limit of a file's size is an error, not a signal") {
  server s;
  check_error(run_in_shell("ulimit -f 0; exec \"$0\" \"$@\" >cli_surroundings.txt",
                           {"call", "mul", "6", "7", "--connect", s.where()}),
              6, "cannot write to standard output: File too large");
  ::unlink("cli_surroundings.txt");
}

TEST_CASE("patio: too few descriptors are an error that says how many a node needs") {
  server s;
  for (std::string max : {"4", "5", "6", "7"}) {
    CAPTURE(max);
    // Whatever runs the tests may have left descriptors open.
    auto limited =
      "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-; ulimit -n " + max + "; exec \"$0\" \"$@\"";
    check_error(run_in_shell(limited, {"call", "mul", "6", "7", "--connect", s.where()}), 6,
                "a node needs 5 file descriptors beside those in use");
    check_error(run_in_shell(limited, {"serve", "--listen", "127.0.0.1:0"}), 6,
                "a node needs 5 file descriptors beside those in use");
    check_error(run_in_shell(limited, {"mesh", "--nodes", "2", "--duration", "0.2"}), 6,
                "Too many open files");
  }
}

TEST_CASE("patio: too little memory is an error, and enough of it gives an answer, but nothing in "
          "between is a crash or a hang") {
  server s;
  for (int mebibytes = 64; mebibytes <= 512; mebibytes += 32) {
    CAPTURE(mebibytes);
    auto limited = "ulimit -v " + std::to_string(mebibytes * 1024) + "; exec \"$0\" \"$@\"";
    auto ended = run_in_shell(limited, {"call", "mul", "6", "7", "--connect", s.where()});
    INFO(ended.err);
    if (ended.code == 0) CHECK(ended.out == "42\n");
    else check_error(ended, ended.code == 127 ? 127 : 6, "");
  }
}

TEST_CASE("patio: neither an environment nor a folder to be in is needed") {
  server s;
  std::vector<std::string> call{"call", "mul", "6", "7", "--connect", s.where()};
  CHECK(run_in_shell("exec env -i \"$0\" \"$@\"", call).out == "42\n");
  CHECK(
    run_in_shell("mkdir cli_gone && cd cli_gone && rmdir ../cli_gone && exec \"$0\" \"$@\"", call)
      .out
    == "42\n");
}

TEST_CASE("patio call: SIGTERM ends it although the parent has blocked that signal") {
  raw_listener peer;
  process call{{"env", "--block-signal=TERM", PATIO_COMMAND, "call", "f", "--connect",
                patio::to_string(peer.where())}};
  auto connection = peer.accept();
  call.signal(SIGTERM);
  CHECK(call.wait() == -SIGTERM);
}

TEST_CASE("patio pickle explain: input that cannot be read is exit code 2 with the reason") {
  check_error(run({"pickle", "explain", "."}), 2, "cannot read .: Is a directory");
  check_error(run({"pickle", "explain", "no_such_file"}), 2,
              "cannot read no_such_file: No such file or directory");
  check_error(run_in_shell("exec \"$0\" pickle explain <&-", {}), 2,
              "cannot read standard input: Bad file descriptor");
  check_error(run({"pickle", "explain", "/dev/zero"}), 2, "bytes");
}

TEST_CASE(
  "patio serve: a full pipe as standard output, which nobody reads, delays neither the node "
  "nor its end") {
  silent_server s{fill_output};
  s.child().signal(SIGTERM);
  CHECK(s.child().wait(12s) == 0);
}

TEST_CASE("patio serve: a full pipe as standard error, which nobody reads, delays neither the node "
          "nor its end") {
  process node{shell(fill_errors, {"serve", "--demo", "--listen", "127.0.0.1:0"}),
               {},
               process::errors::captured};
  auto where = node.await("listening on ");
  raw_peer stranger{patio::parse_endpoint(where).value()};
  stranger.send_bytes("GET / HTTP/1.1\r\n\r\n");
  stranger.await_close(); // the node has logged why
  CHECK(run({"call", "mul", "6", "7", "--timeout", "10", "--connect", where}).out == "42\n");
  node.signal(SIGTERM);
  CHECK(node.wait(12s) == 0);
}

TEST_CASE("patio serve: an error ends it although nobody reads the full pipe that should take the "
          "error") {
  server s;
  process second{
    shell(fill_errors, {"serve", "--listen", s.where()}), {}, process::errors::captured};
  CHECK(second.wait(12s) == 3);
  process wrong{shell(fill_errors, {"serve", "--bogus"}), {}, process::errors::captured};
  CHECK(wrong.wait(12s) == 2);
}

TEST_CASE(
  "patio serve: a standard output that is closed or full is one warning, and the node serves") {
  for (std::string out : {">/dev/full", ">&-"}) {
    CAPTURE(out);
    silent_server s{"exec \"$0\" \"$@\" " + out};
    auto line = s.child().error_lines().line();
    REQUIRE(line);
    CHECK(line->find("event=output reason=\"cannot write to standard output: ")
          != std::string::npos);
    s.child().signal(SIGTERM);
    CHECK(s.child().wait() == 0);
  }
}

TEST_CASE("patio serve: the lines of its last moments reach a reader") {
  server s{{"--demo", "--verbose"}};
  CHECK(run({"call", "mul", "6", "7", "--connect", s.where()}).code == 0);
  s.child().signal(SIGTERM);
  CHECK(s.child().wait() == 0);
  auto log = s.child().error_lines().rest();
  CHECK(log.find("event=connected") != std::string::npos);
  CHECK(log.find("event=closed") != std::string::npos);
}

TEST_CASE("patio mesh-node: \"stop\" as the first line is obeyed, and any other word is refused") {
  auto stopped = run({"mesh-node"}, {}, "stop\nconnect 127.0.0.1:1\n");
  CHECK(stopped.code == 0);
  CHECK(stopped.out.ends_with("\nidle\n"));
  CHECK(run({"mesh-node"}, {}, "connect 1:2:x\n").code == 2);
  CHECK(run({"mesh-node"}, {}, "dance\n").err.find("'dance' is not a line") != std::string::npos);
}

TEST_CASE("patio mesh: what a node prints on standard error is a line of its own, with the node's "
          "number") {
  std::ofstream{"cli_noisy_node.sh"} << "#!/bin/sh\nprintf 'first\\n\\tsecond\\nno end' >&2\n";
  REQUIRE(::chmod("cli_noisy_node.sh", 0700) == 0);
  auto ended =
    run({"mesh", "--nodes", "2", "--python", "1"}, {{"PATIO_PYTHON", "./cli_noisy_node.sh"}});
  CHECK(ended.code == 3);
  CHECK(ended.err.starts_with("node 1: first\nnode 1: '\\tsecond'\nnode 1: no end\npatio: "));
  ::unlink("cli_noisy_node.sh");
}
