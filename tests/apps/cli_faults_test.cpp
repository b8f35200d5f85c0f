// The `patio` command against faulty and hostile peers: its exit codes and its messages.
#include <doctest/doctest.h>

#include <signal.h>

#include <chrono>
#include <fstream>

#include <patio/pickle/pickle.hpp>

#include "cli.hpp"
#include "raw_peer.hpp"

using namespace patio::tests::cli;
using patio::tests::process;
using patio::tests::raw_listener;
using patio::tests::raw_peer;

namespace {

const std::string none = "\x80\x05N.";

/// A `patio` command whose only peer is driven by the test. Owns the process and the peer.
class cli_process {
public:
  explicit cli_process(std::vector<std::string> args,
                       const std::vector<std::string>& peer_functions = {"f"})
      : process_{command(std::move(args), patio::to_string(listener_.where())),
                 {},
                 process::errors::captured},
        peer_{listener_.accept()} {
    peer_.log_in_as_server(peer_functions);
  }
  [[nodiscard]] raw_peer& peer() { return peer_; }
  /// Waits for the end of the command and returns its output.
  [[nodiscard]] patio::tests::finished end() {
    process_.close_input();
    auto out = process_.read_all(), err = process_.error_lines().rest();
    return {process_.wait(), out, err};
  }

private:
  static std::vector<std::string> command(std::vector<std::string> args, const std::string& peer) {
    args.insert(args.begin(), PATIO_COMMAND);
    args.insert(args.end(), {"--connect", peer});
    return args;
  }
  raw_listener listener_;
  process process_;
  raw_peer peer_;
};

std::string pickled(const patio::value& v) {
  std::string bytes;
  REQUIRE(patio::write_pickle(v, bytes));
  return bytes;
}

} // namespace

TEST_CASE("patio call: a connection lost during the call is exit code 6, and the message says that "
          "the function may have run") {
  cli_process command{{"call", "f"}};
  CHECK(command.peer().receive().type == patio::protocol::packet::request);
  command.peer().close();
  check_error(command.end(), 6,
              "the function may have run: repeat the call only if a second run does no harm");
}

TEST_CASE("patio call: a result that is not accepted is exit code 7, and the message names the "
          "refused class") {
  cli_process command{{"call", "f"}};
  command.peer().send(patio::protocol::packet::response, command.peer().receive().serial,
                      "\x80\x04\x8c\x02os\x8c\x06system\x93.");
  check_error(command.end(), 7, "os.system");
}

TEST_CASE(
  "patio call: the notes of an exception stand below it, a line each, and control nothing") {
  cli_process command{{"call", "f"}};
  command.peer().send(patio::protocol::packet::error, command.peer().receive().serial,
                      pickled(patio::value::exception("builtins.ValueError", {"bad record"},
                                                      {"line 17\nof a.csv", "\x1b[2J"})));
  auto ended = command.end();
  CHECK(ended.code == 1);
  CHECK(ended.err == "patio: ValueError: bad record\n  line 17\n  of a.csv\n  '\\x1b[2J'\n");
}

TEST_CASE("patio call: an exception that is only in part accepted is exit code 1, with its class") {
  cli_process command{{"call", "f"}};
  std::string cycle = "\x80\5cbuiltins\nValueError\n]\x94h";
  command.peer().send(patio::protocol::packet::error, command.peer().receive().serial,
                      cycle + '\0' + "a\x85R.");
  check_error(command.end(), 1, "ValueError: ");
}

TEST_CASE(
  "patio call: no answer within --timeout is exit code 4, on whichever side the time runs out "
  "first") {
  SUBCASE("this side") {
    cli_process command{{"call", "f", "--timeout", "0.05"}};
    check_error(command.end(), 4, "no answer in time");
  }
  SUBCASE("the peer") {
    server s;
    check_error(run({"call", "sleep", "60", "--timeout", "0.05", "--connect", s.where()}), 4,
                "no answer in time");
  }
}

TEST_CASE("patio call: a TimeoutError that the function itself raises is exit code 1, like any "
          "exception") {
  server s;
  check_error(run({"call", "fail", "TimeoutError", "mine", "--connect", s.where()}), 1,
              "TimeoutError: mine");
}

TEST_CASE("patio call: text from a peer neither breaks the line nor controls the terminal") {
  server s;
  auto o = run({"call", "fail", "ValueError", "'two\\nlines \\x1b[31m'", "--connect", s.where()});
  check_error(o, 1, "two\\nlines");
  CHECK(o.err.find('\x1b') == std::string::npos);
  const std::string csi = "\xc2\x9b"
                          "31m",
                    reversed = "\xe2\x80\xae"
                               "gpj.exe",
                    plain = "caf\xc3\xa9"; // U+009B, U+202E, and an e with an accent
  cli_process command{{"list"}, {"plain", "two\nlines", "\x1b[31m", csi, reversed, plain}};
  CHECK(command.end().out
        == "'\\x1b[31m'\n" + plain
             + "\nplain\n'two\\nlines'\n'\\x9b31m'\n'\\u202egpj.exe'\n"); // sorted
  auto json = [&s](const std::string& text) {
    return run({"call", "echo", "'" + text + "'", "--json", "--connect", s.where()}).out;
  };
  CHECK(json(csi) == "\"\\u009b31m\"\n");
  CHECK(json(plain) == "\"caf\\u00e9\"\n");
}

TEST_CASE("patio call: with several peers, the call goes to the peer that serves the function") {
  server demo;
  raw_listener other;
  auto where = patio::to_string(other.where());
  SUBCASE("which does not wait for a peer that never logs in") {
    process call{
      {PATIO_COMMAND, "call", "mul", "6", "7", "--connect", where, "--connect", demo.where()}};
    auto peer = other.accept();
    CHECK(call.read_line() == "42");
    CHECK(call.wait() == 0);
  }
  SUBCASE("which is found even if it logs in last") {
    process call{{PATIO_COMMAND, "call", "f", "--connect", where, "--connect", demo.where()}};
    auto peer = other.accept();
    // The demo node has logged this client in by then.
    CHECK(run({"call", "mul", "6", "7", "--connect", demo.where()}).out == "42\n");
    peer.log_in_as_server({"f"});
    peer.send(patio::protocol::packet::response, peer.receive().serial,
              pickled(patio::value{"found"}));
    CHECK(call.read_line() == "'found'");
    CHECK(call.wait() == 0);
  }
}

TEST_CASE("patio call: --json writes each name once, refuses two keys of one name, and prints "
          "large dicts") {
  server s;
  check_error(run({"call", "echo", "{1: 'a', 'b': 2, '1': 'c'}", "--json", "--connect", s.where()}),
              2, "two keys of the name");
  std::string many = "{";
  for (int i = 0; i < 40'000; ++i) many += std::to_string(i) + ": 0, ";
  auto out = run({"call", "echo", "--json", "--connect", s.where(), "--",
                  many.substr(0, 100'000).substr(0, many.rfind(',', 100'000)) + "}"})
               .out;
  CHECK(out.starts_with("{\"0\": 0, \"1\": 0, "));
}

TEST_CASE("patio call: a result without a JSON form is refused only with --json") {
  server s;
  check_error(run({"call", "echo", "b'x'", "--json", "--connect", s.where()}), 2,
              "leave out --json");
  CHECK(run({"call", "echo", "b'x'", "--connect", s.where()}).out == "b'x'\n");
}

TEST_CASE(
  "patio ping: a lost peer is exit code 6 at once, and the pings before the loss are printed") {
  cli_process command{{"ping", "--count", "3", "--timeout", "60"}};
  command.peer().send(patio::protocol::packet::discover_response, command.peer().receive().serial,
                      pickled(patio::value::list({})));
  CHECK(command.peer().receive().type == patio::protocol::packet::discover_request);
  command.peer().close();
  auto ended = command.end();
  CHECK(ended.code == 6);
  CHECK(ended.out.find(": ping 1 ") != std::string::npos);
  CHECK(ended.err == "patio: ping 2: the peer closed the connection\n");
}

TEST_CASE("patio ping: no answer within --timeout is exit code 4") {
  cli_process command{{"ping", "--timeout", "0.05"}};
  check_error(command.end(), 4, "ping 1: no answer in time");
}

TEST_CASE("patio bench: the first error decides the exit code") {
  server s;
  CHECK(run({"bench", "--connect", s.where(), "--function", "unheard_of", "--calls", "10"}).code
        == 5);
  check_error(run({"bench", "--connect", s.where(), "--args", "3"}), 2,
              "--args takes a Python list");
  check_error(run({"bench", "--connect", s.where(), "--args", "[3"}), 2, "--args [3");
  cli_process command{{"bench", "--function", "f", "--calls", "3"}};
  CHECK(command.peer().receive().type == patio::protocol::packet::request);
  command.peer().close();
  CHECK(command.end().code == 6);
}

TEST_CASE("patio: the message names a word that is neither a subcommand nor a flag") {
  check_error(run({"bogus"}), 2, "'bogus'");
  check_error(run({"--bogus"}), 2, "'--bogus'");
  check_error(run({"pickle", "bogus"}), 2, "'bogus'");
  check_error(run({"call", "mul", "--bogus", "--connect", "127.0.0.1:1"}), 2, "--bogus");
  check_error(run({"serve", "--listen"}), 2, "--listen");
}

TEST_CASE("patio: a key of 33 bytes is refused by every subcommand that takes a key, from the "
          "environment and from a file") {
  std::string key(33, 'k');
  std::ofstream{"cli_long_key"} << key;
  for (std::string sub : {"call", "list", "ping", "bench", "serve"}) {
    std::vector<std::string> words{sub, "--connect", "127.0.0.1:1"};
    if (sub == "call") words.insert(words.begin() + 1, "f");
    CAPTURE(sub);
    check_error(run(words, {{"PATIO_KEY", key}}), 2, "at most 32 bytes, not 33");
    words.insert(words.end(), {"--key-file", "cli_long_key"});
    check_error(run(words), 2, "at most 32 bytes, not 33");
  }
  std::remove("cli_long_key");
}

TEST_CASE("patio serve: the message names an address that is in use, and the alternatives") {
  server s;
  check_error(run({"serve", "--listen", s.where()}), 3,
              "cannot listen on " + s.where()
                + ": Address already in use (--listen HOST:PORT chooses another address; port 0 is "
                  "any free port)");
}

TEST_CASE("patio serve: it ends soon, although a function whose call was cancelled would run for "
          "another hour") {
  server s;
  CHECK(run({"call", "sleep", "3600", "--timeout", "0.05", "--connect", s.where()}).code == 4);
  s.child().signal(SIGTERM);
  CHECK(s.child().wait(std::chrono::seconds{20}) == 0);
}

TEST_CASE("patio serve: a wrong key is one log line on each side, and the server serves on") {
  server right{{"--demo"}, {{"PATIO_KEY", "right"}}};
  process wrong{{PATIO_COMMAND, "serve", "--connect", right.where()},
                {{"PATIO_KEY", "wrong"}},
                process::errors::captured};
  auto client_log = wrong.error_lines().line(), server_log = right.child().error_lines().line();
  REQUIRE(client_log);
  CHECK(client_log->find("level=warning event=disconnected peer=" + right.where())
        != std::string::npos);
  REQUIRE(server_log);
  CHECK(server_log->find("level=warning event=closed peer=127.0.0.1:") != std::string::npos);
  CHECK(run({"call", "mul", "6", "7", "--connect", right.where()}, {{"PATIO_KEY", "right"}}).out
        == "42\n");
  for (auto* p : {&wrong, &right.child()}) {
    p->signal(SIGTERM);
    CHECK(p->wait() == 0);
  }
}

TEST_CASE("patio pickle explain: it explains calls, reads standard input, and names a class that "
          "only an ERROR frame may have") {
  std::string call;
  REQUIRE(patio::write_call_request({"mul", {{1}, {{"k", 2}}}, {}}, call));
  CHECK(
    run({"pickle", "explain"}, {}, call).out
    == R"({"t": "call", "v": {"func": "mul", "args": [{"t": "int", "v": "1"}], "kwargs": [["k", {"t": "int", "v": "2"}]], )"
       R"("timeout": {"t": "none"}}})"
       "\n");
  CHECK(run({"pickle", "explain", "-"}, {}, none).out == "{\"t\": \"none\"}\n");
  check_error(run({"pickle", "explain"}, {},
                  "\x80\x04\x8c\x05house\x8c\x0aHouseError\x93\x8c\x05"
                  "brick\x85R."),
              7, "accepted in an ERROR frame");
  check_error(run({"pickle", "explain", "no_such_file"}), 2, "cannot read no_such_file");
  CHECK(run({"pickle", "explain", "--help"}).out.find("Example:") != std::string::npos);
}

TEST_CASE("patio serve: without free descriptors it serves the connected peers, and accepts again "
          "as soon as descriptors are free") {
  process node{{"/bin/sh", "-c", "ulimit -n 40; exec \"$0\" serve --demo --listen 127.0.0.1:0",
                PATIO_COMMAND}};
  auto where = patio::parse_endpoint(node.await("listening on ")).value();
  raw_peer early{where};
  early.log_in_as_client();
  std::vector<raw_peer> crowd;
  for (int i = 0; i < 100; ++i)
    crowd.emplace_back(
      where); // the kernel completes the connection even if the node cannot accept it
  std::string request;
  REQUIRE(patio::write_call_request({"mul", {{6, 7}, {}}, {}}, request));
  for (std::uint32_t serial = 10; serial < 20; ++serial) {
    early.send(patio::protocol::packet::request, serial, request);
    CHECK(early.receive().type == patio::protocol::packet::response);
  }
  crowd.clear();
  // The node still has to accept each closed connection and read its end of file. Until all of them
  // are gone, descriptors may be short and a new connection may fail.
  auto later = run({"call", "mul", "6", "7", "--connect", patio::to_string(where)});
  while (later.code == 3)
    later = run({"call", "mul", "6", "7", "--connect", patio::to_string(where)});
  CAPTURE(later.err);
  CHECK(later.out == "42\n");
  node.signal(SIGTERM);
  CHECK(node.wait() == 0);
}
