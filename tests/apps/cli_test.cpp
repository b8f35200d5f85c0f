// The `patio` command as a user sees it: its output, its exit codes, and one line for each error
// that says what to do next.
#include <doctest/doctest.h>

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include <patio/version.hpp>

#include "cli.hpp"

using namespace patio::tests::cli;
using patio::tests::process;

TEST_CASE("patio call: it prints the result as a Python literal, or as JSON") {
  server s;
  CHECK(run({"call", "mul", "6", "7", "--connect", s.where()}).out == "42\n");
  CHECK(run({"call", "pow", "2", "100", "--connect", s.where()}).out
        == "1267650600228229401496703205376\n");
  CHECK(run({"call", "echo", "word", "(1, b'x')", "--kw", "a=None", "--connect", s.where()}).out
        == "(('word', (1, b'x')), {'a': None})\n");
  CHECK(run({"call", "echo", "{\"a\": [true, null]}", "--json", "--connect", s.where()}).out
        == "{\"a\": [true, null]}\n");
  CHECK(run({"call", "div", "--kw", "b=4", "--kw", "a=1", "--connect", s.where()}).out == "0.25\n");
  CHECK(run({"call", "sub", "--connect", s.where(), "--", "1", "-2"}).out == "3\n");
  CHECK(run({"call", "sleep", "0.01", "--connect", s.where()}).out == "None\n");
}

TEST_CASE("patio call: each kind of error has its exit code and one line") {
  server s;
  check_error(run({"call", "div", "1", "0", "--connect", s.where()}), 1,
              "ZeroDivisionError: division by zero");
  check_error(run({"call", "fail", "KeyError", "'k'", "--connect", s.where()}), 1, "KeyError: 'k'");
  check_error(run({"call", "sub", "1", "--connect", s.where()}), 1,
              "sub() missing 1 required positional argument: 'b'");
  check_error(run({"call", "mul", "--connect", "nowhere:port"}), 2, "the port is not a number");
  check_error(run({"call", "mul", "[1,", "--connect", s.where()}), 1, "TypeError");
  check_error(run({"call", "mul", "caf\xe9", "--connect", s.where()}), 2, "expected UTF-8");
  check_error(run({"call", "mul", "--kw", "x", "--connect", s.where()}), 2,
              "--kw takes NAME=VALUE");
  check_error(run({"call", "mul", "--timeout", "-1", "--connect", s.where()}), 2, "--timeout");
  check_error(run({"call", "mul", "--no-such-flag", "--connect", s.where()}), 2, "--no-such-flag");
  check_error(run({"call", "mul", "--connect", "127.0.0.1:1"}), 3, "cannot connect to 127.0.0.1:1");
  check_error(run({"call", "sleep", "60", "--timeout", "0.1", "--connect", s.where()}), 4,
              "no answer in time");
  check_error(run({"call", "unheard_of", "--connect", s.where()}), 5,
              "nobody serves this name: 'unheard_of'");
}

TEST_CASE("patio: the key comes from the environment or a file, and a wrong key is exit code 3") {
  server s{{"--demo"}, {{"PATIO_KEY", "right"}}};
  CHECK(run({"call", "mul", "6", "7", "--connect", s.where()}, {{"PATIO_KEY", "right"}}).out
        == "42\n");
  std::ofstream{"cli_key_file"} << "right\n";
  CHECK(run({"call", "mul", "6", "7", "--key-file", "cli_key_file", "--connect", s.where()}).out
        == "42\n");
  std::remove("cli_key_file");
  check_error(run({"call", "mul", "--connect", s.where()}, {{"PATIO_KEY", "wrong"}}), 3,
              "PATIO_KEY");
  check_error(run({"call", "mul", "--connect", s.where()}, {{"PATIO_KEY", std::string(33, 'k')}}),
              2, "at most 32 bytes, not 33");
  check_error(run({"call", "mul", "--key-file", "no_such_file", "--connect", s.where()}), 2,
              "no_such_file");
}

TEST_CASE("patio serve: it prints a line for each listener and dialled peer, and ends on SIGTERM "
          "and SIGINT") {
  for (int number : {SIGTERM, SIGINT}) {
    server first;
    process second{{PATIO_COMMAND, "serve", "--listen", "[::1]:0", "--listen", "127.0.0.1:0",
                    "--connect", first.where()}};
    CHECK(second.await("listening on ").starts_with("[::1]:"));
    CHECK(second.await("listening on ").starts_with("127.0.0.1:"));
    CHECK(second.await("connected to ") == first.where());
    second.signal(number);
    CHECK(second.wait() == 0);
    first.child().signal(number);
    CHECK(first.child().wait() == 0);
  }
}

TEST_CASE("patio serve: the message names the wrong flag or address") {
  server s;
  check_error(run({"serve", "--listen", s.where()}), 3, "cannot listen on " + s.where());
  check_error(run({"serve", "--listen", "[::1"}), 2, "the ] is missing");
  check_error(run({"serve", "--executor", "magic"}), 2, "--executor");
  check_error(run({"serve", "--executor", "heavy=magic:2"}), 2, "async, thread or process");
  check_error(run({"serve", "--executor", "heavy=thread"}), 2, "NAME=KIND:N");
  check_error(run({"serve", "--executor", "heavy=thread:0"}), 2, "from 1 to 1024");
  check_error(run({"serve", "--executor", "=thread:1"}), 2, "the name before = is missing");
  check_error(run({"serve", "--executor", "async", "--executor", "thread"}), 2, "only one default");
  check_error(run({"serve", "--executor", "a=thread:1", "--executor", "a=async:1"}), 2,
              "two executors of the name 'a'");
  check_error(run({"serve", "--executor", "null", "--run", "pow=a"}), 2, "serves no functions");
  check_error(run({"serve", "--demo", "--run", "pow"}), 2, "--run takes FUNCTION=NAME");
  check_error(run({"serve", "--demo", "--run", "powr=a"}), 2, "mul, div, pow");
  check_error(run({"serve", "--workers", "0"}), 2, "--workers");
}

TEST_CASE("patio serve: --executor null serves no functions, --executor thread serves all") {
  server null{{"--demo", "--executor", "null"}},
    thread{{"--demo", "--executor", "thread", "--workers", "2"}};
  CHECK(run({"list", "--connect", null.where()}).out.empty());
  CHECK(run({"call", "pow", "2", "10", "--connect", thread.where()}).out == "1024\n");
  CHECK(run({"call", "sleep", "0.01", "--connect", thread.where()}).code == 0);
}

TEST_CASE("patio serve: --run chooses among the executors that --executor names") {
  check_error(run({"serve", "--demo", "--executor", "heavy=thread:2", "--executor", "io=async:1",
                   "--run", "pow=havey"}),
              2,
              "the function 'pow' names the executor 'havey', which does not exist; besides its "
              "default executor, the broker has 'heavy', 'io'");
  server s{{"--demo", "--executor", "heavy=thread:2", "--run", "pow=heavy", "--run", "sub=heavy"}};
  CHECK(run({"call", "pow", "2", "10", "--connect", s.where()}).out == "1024\n");
  CHECK(run({"call", "sub", "3", "1", "--connect", s.where()}).out == "2\n");
  CHECK(run({"call", "sleep", "0.01", "--connect", s.where()}).code == 0);
}

TEST_CASE("patio serve: --executor process serves burn, crash and leak, and a crash ends only its "
          "own call") {
  server s{{"--demo", "--executor", "process", "--workers", "2"}};
  CHECK(run({"list", "--connect", s.where()}).out
        == "burn\ncrash\ndiv\necho\nfail\nleak\nmul\npow\nsleep\nsub\nwhoami\n");
  CHECK(run({"call", "pow", "2", "10", "--connect", s.where()}).out == "1024\n");
  check_error(run({"call", "crash", "--connect", s.where()}), 6,
              "worker lost: signal 11 (SIGSEGV)");
  CHECK(run({"call", "leak", "3", "--connect", s.where()}).out == "3\n");
  CHECK(run({"call", "burn", "0.01", "--connect", s.where()}).code == 0);
  check_error(run({"call", "crash", "1000", "--connect", s.where()}), 1, "ValueError");
}

TEST_CASE("patio serve: only an executor of processes runs functions that may harm their process") {
  server s{{"--demo", "--executor", "risky=process:1", "--executor", "heavy=thread:1"}};
  check_error(run({"call", "crash", "--connect", s.where()}), 6,
              "worker lost: signal 11 (SIGSEGV)");
  CHECK(run({"call", "pow", "2", "10", "--connect", s.where()}).out == "1024\n");
  check_error(run({"serve", "--demo", "--executor", "process", "--executor", "heavy=thread:1",
                   "--run", "crash=heavy"}),
              2,
              "--run: the function 'crash' may harm its process, so only an executor of the kind "
              "process runs it");
}

TEST_CASE("patio serve: worker processes end with a server that is killed") {
  server s{{"--demo", "--executor", "process", "--workers", "1"}};
  auto who = run({"call", "whoami", "--connect", s.where()}).out; // ('patio ...', PID, ...)
  auto pid = std::stoi(who.substr(who.find(", ") + 2));
  CHECK(pid != s.child().id());
  int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  REQUIRE(fd >= 0);
  s.child().signal(SIGKILL);
  pollfd ended{fd, POLLIN, 0};
  CHECK(::poll(&ended, 1, 30'000) == 1);
  ::close(fd);
}

TEST_CASE("patio: the argument of a worker process is refused from the command line") {
  auto refused = run({"--patio-worker=3"});
  CHECK(refused.code != 0);
  CHECK(refused.err
        == "patio worker: --patio-worker=3 is only for workers that a process pool "
           "starts\n");
}

TEST_CASE("patio list, ping and bench: they print names, round trips and rates") {
  server s;
  CHECK(run({"list", "--connect", s.where()}).out
        == "div\necho\nfail\nmul\npow\nsleep\nsub\nwhoami\n");
  CHECK(nlohmann::json::parse(run({"list", "--json", "--connect", s.where()}).out).size() == 8);
  auto ping = run({"ping", "--count", "2", "--connect", s.where()});
  CHECK(ping.out.starts_with(s.where() + ": ping 1 "));
  CHECK(std::count(ping.out.begin(), ping.out.end(), '\n') == 2);
  auto bench = run({"bench", "--connect", s.where(), "--args", "[3, 4]", "--in-flight", "8",
                    "--calls", "500", "--json"});
  auto j = nlohmann::json::parse(bench.out);
  CHECK(j["errors"] == 0);
  CHECK(j["calls_per_s"].get<double>() > 0);
  CHECK(j["p50_us"].get<double>() <= j["p99_us"].get<double>());
  CHECK(run({"bench", "--connect", s.where(), "--function", "fail", "--args", "['ValueError']",
             "--calls", "10"})
          .code
        == 1);
}

TEST_CASE("patio list --long: it prints signatures, executors and descriptions") {
  server s;
  auto lines = run({"list", "--long", "--connect", s.where()}).out;
  CHECK(lines.starts_with("div(a: object, b: object) -> object  [quick]\n    a / b\n"));
  CHECK(lines.find("\npow(a: object, b: object) -> object  [default]\n    a ** b\n")
        != std::string::npos);
  auto all = nlohmann::json::parse(run({"list", "--long", "--json", "--connect", s.where()}).out);
  CHECK(all.size() == 8);
  CHECK(all[0]
        == nlohmann::json{{"name", "div"},
                          {"signature", "(a: object, b: object) -> object"},
                          {"doc", "a / b"},
                          {"executor", ""},
                          {"quick", true}});
}

TEST_CASE(
  "patio pickle explain: it prints the value as tagged JSON, or the refused byte and the reason") {
  auto explain = [](const std::string& bytes) {
    std::ofstream{"cli_pickle", std::ios::binary} << bytes;
    auto ended = run({"pickle", "explain", "cli_pickle"});
    std::remove("cli_pickle");
    return ended;
  };
  CHECK(explain(std::string{"\x80\x05K\x01."}).out == "{\"t\": \"int\", \"v\": \"1\"}\n");
  check_error(explain("cos\nsystem\n."), 7, "byte 0: class os.system is not accepted");
  check_error(explain("\x80\x05"), 7, "byte 2");
}

TEST_CASE("patio: --help has an example for every subcommand, and --version prints the version") {
  CHECK(run({"--version"}).out == "patio " PATIO_VERSION "\n");
  CHECK(run({}).code == 2);
  for (std::string sub : {"", "serve", "call", "list", "ping", "bench", "pickle", "mesh"}) {
    auto args =
      sub.empty() ? std::vector<std::string>{"--help"} : std::vector<std::string>{sub, "--help"};
    auto help = run(args);
    CAPTURE(sub);
    CHECK(help.code == 0);
    CHECK(help.out.find("Example:") != std::string::npos);
  }
}

TEST_CASE("patio mesh: it ends with an account of every call") {
  auto o = run({"mesh", "--nodes", "3", "--duration", "2", "--kill-every", "0.5", "--rate", "100",
                "--seed", "7"});
  CHECK(o.code == 0);
  CHECK(o.out.find("every call is accounted for") != std::string::npos);
  check_error(run({"mesh", "--nodes", "2", "--python", "2"}), 2, "--python");
  check_error(run({"mesh", "--nodes", "2", "--python", "1"}, {{"PATIO_PYTHON", "/bin/false"}}), 3,
              "Python nodes need patio 0.1.4");
}
