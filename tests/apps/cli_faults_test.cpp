// The `patio` command against peers that do what no honest peer does, and its own words for it.
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

/// A `patio` command that has connected to a peer made by hand.
class victim {
public:
  explicit victim(std::vector<std::string> words, const std::vector<std::string>& names = {"f"})
      : child_{command(std::move(words), patio::to_string(door_.where())),
               {},
               process::errors::captured},
        peer_{door_.accept()} {
    peer_.log_in_as_server(names);
  }
  [[nodiscard]] raw_peer& peer() { return peer_; }
  [[nodiscard]] patio::tests::finished end() {
    child_.close_input();
    auto out = child_.read_all(), err = child_.error_lines().rest();
    return {child_.wait(), out, err};
  }

private:
  static std::vector<std::string> command(std::vector<std::string> words,
                                          const std::string& where) {
    words.insert(words.begin(), PATIO_COMMAND);
    words.insert(words.end(), {"--connect", where});
    return words;
  }
  raw_listener door_;
  process child_;
  raw_peer peer_;
};

std::string pickled(const patio::value& v) {
  std::string bytes;
  REQUIRE(patio::write_pickle(v, bytes));
  return bytes;
}

} // namespace

TEST_CASE("patio call: a peer that goes under the call is exit code 6, and says that the function "
          "may have run") {
  victim v{{"call", "f"}};
  CHECK(v.peer().receive().type == patio::protocol::packet::request);
  v.peer().close();
  check_error(v.end(), 6, "the function may have run: repeat only if that does no harm");
}

TEST_CASE("patio call: a result that cannot be accepted is exit code 7, and says what was in it") {
  victim v{{"call", "f"}};
  v.peer().send(patio::protocol::packet::response, v.peer().receive().serial,
                "\x80\x04\x8c\x02os\x8c\x06system\x93.");
  check_error(v.end(), 7, "os.system");
}

TEST_CASE("patio call: no answer within --timeout is exit code 4, whoever notices first") {
  SUBCASE("this side") {
    victim v{{"call", "f", "--timeout", "0.05"}};
    check_error(v.end(), 4, "no answer in time");
  }
  SUBCASE("the peer") {
    server s;
    check_error(run({"call", "sleep", "60", "--timeout", "0.05", "--connect", s.where()}), 4,
                "no answer in time");
  }
}

TEST_CASE("patio call: a TimeoutError that the function raised by itself is its own, exit code 1") {
  server s;
  check_error(run({"call", "fail", "TimeoutError", "mine", "--connect", s.where()}), 1,
              "TimeoutError: mine");
}

TEST_CASE("patio call: what a peer says can break neither the line nor the terminal") {
  server s;
  auto o = run({"call", "fail", "ValueError", "'two\\nlines \\x1b[31m'", "--connect", s.where()});
  check_error(o, 1, "two\\nlines");
  CHECK(o.err.find('\x1b') == std::string::npos);
  const std::string csi = "\xc2\x9b"
                          "31m",
                    turned = "\xe2\x80\xae"
                             "gpj.exe",
                    plain = "caf\xc3\xa9"; // a control of one byte, U+202E, and a letter
  victim v{{"list"}, {"plain", "two\nlines", "\x1b[31m", csi, turned, plain}};
  CHECK(v.end().out
        == "'\\x1b[31m'\n" + plain
             + "\nplain\n'two\\nlines'\n'\\x9b31m'\n'\\u202egpj.exe'\n"); // sorted
  auto json = [&s](const std::string& text) {
    return run({"call", "echo", "'" + text + "'", "--json", "--connect", s.where()}).out;
  };
  CHECK(json(csi) == "\"\\u009b31m\"\n");
  CHECK(json(plain) == "\"" + plain + "\"\n");
}

TEST_CASE("patio call: any number of peers, each called for what it serves") {
  server demo;
  raw_listener door;
  process call{{PATIO_COMMAND, "call", "mul", "6", "7", "--connect", patio::to_string(door.where()),
                "--connect", demo.where()}};
  auto peer = door.accept();
  peer.log_in_as_server({"f"});
  CHECK(call.read_line() == "42");
  CHECK(call.wait() == 0);
}

TEST_CASE("patio call: --json writes a name once, the last of those that are one, and takes any "
          "number of them") {
  server s;
  auto json = [&s](const std::string& literal) {
    return run({"call", "echo", literal, "--json", "--connect", s.where()}).out;
  };
  CHECK(json("{1: 'a', 'b': 2, '1': 'c'}") == "{\"1\":\"c\",\"b\":2}\n");
  std::string many = "{";
  for (int i = 0; i < 40'000; ++i) many += std::to_string(i) + ": 0, ";
  auto out = run({"call", "echo", "--json", "--connect", s.where(), "--",
                  many.substr(0, 100'000).substr(0, many.rfind(',', 100'000)) + "}"})
               .out;
  CHECK(out.starts_with("{\"0\":0,\"1\":0,"));
}

TEST_CASE("patio call: a result without a JSON form is refused by --json alone") {
  server s;
  check_error(run({"call", "echo", "b'x'", "--json", "--connect", s.where()}), 2,
              "leave --json out");
  CHECK(run({"call", "echo", "b'x'", "--connect", s.where()}).out == "b'x'\n");
}

TEST_CASE(
  "patio ping: a peer that goes is exit code 6 at once, and the pings before it are printed") {
  victim v{{"ping", "--count", "3", "--timeout", "60"}};
  v.peer().send(patio::protocol::packet::discover_response, v.peer().receive().serial,
                pickled(patio::value::list({})));
  CHECK(v.peer().receive().type == patio::protocol::packet::discover_request);
  v.peer().close();
  auto o = v.end();
  CHECK(o.code == 6);
  CHECK(o.out.find(": ping 1 ") != std::string::npos);
  CHECK(o.err == "patio: ping 2: the peer closed the connection\n");
}

TEST_CASE("patio ping: no answer within --timeout is exit code 4") {
  victim v{{"ping", "--timeout", "0.05"}};
  check_error(v.end(), 4, "ping 1: no answer in time");
}

TEST_CASE("patio bench: the first failure decides the exit code") {
  server s;
  CHECK(run({"bench", "--connect", s.where(), "--function", "unheard_of", "--calls", "10"}).code
        == 5);
  check_error(run({"bench", "--connect", s.where(), "--args", "3"}), 2, "--args takes a list");
  check_error(run({"bench", "--connect", s.where(), "--args", "[3"}), 2, "--args [3");
  victim v{{"bench", "--function", "f", "--calls", "3"}};
  CHECK(v.peer().receive().type == patio::protocol::packet::request);
  v.peer().close();
  CHECK(v.end().code == 6);
}

TEST_CASE("patio: a word that is no subcommand or flag is named") {
  check_error(run({"bogus"}), 2, "'bogus'");
  check_error(run({"--bogus"}), 2, "'--bogus'");
  check_error(run({"pickle", "bogus"}), 2, "'bogus'");
  check_error(run({"call", "mul", "--bogus", "--connect", "127.0.0.1:1"}), 2, "--bogus");
  check_error(run({"serve", "--listen"}), 2, "--listen");
}

TEST_CASE("patio: a key of 33 bytes is refused from the environment and from a file, by every "
          "subcommand that has one") {
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

TEST_CASE("patio serve: an address that is taken is named, with what else to do") {
  server s;
  check_error(
    run({"serve", "--listen", s.where()}), 3,
    "cannot listen on " + s.where()
      + ": Address already in use (--listen HOST:PORT takes another; port 0 is any free one)");
}

TEST_CASE("patio serve: it ends soon, although a function would go on for an hour after its caller "
          "gave up") {
  server s;
  CHECK(run({"call", "sleep", "3600", "--timeout", "0.05", "--connect", s.where()}).code == 4);
  s.child().signal(SIGTERM);
  CHECK(s.child().wait(std::chrono::seconds{20}) == 0);
}

TEST_CASE("patio serve: a peer with another key is refused with one log line, and dialled again") {
  server right{{"--demo"}, {{"PATIO_KEY", "right"}}};
  process wrong{{PATIO_COMMAND, "serve", "--connect", right.where()},
                {{"PATIO_KEY", "wrong"}},
                process::errors::captured};
  auto theirs = wrong.error_lines().line(), ours = right.child().error_lines().line();
  REQUIRE(theirs);
  CHECK(theirs->find("level=warning event=disconnected peer=" + right.where())
        != std::string::npos);
  REQUIRE(ours);
  CHECK(ours->find("level=warning event=closed peer=127.0.0.1:") != std::string::npos);
  CHECK(run({"call", "mul", "6", "7", "--connect", right.where()}, {{"PATIO_KEY", "right"}}).out
        == "42\n");
  for (auto* p : {&wrong, &right.child()}) {
    p->signal(SIGTERM);
    CHECK(p->wait() == 0);
  }
}

TEST_CASE("patio pickle explain: calls, standard input, and what is accepted in an ERROR only") {
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
              7, "in an ERROR");
  check_error(run({"pickle", "explain", "no_such_file"}), 2, "cannot read no_such_file");
  CHECK(run({"pickle", "explain", "--help"}).out.find("Example:") != std::string::npos);
}

TEST_CASE("patio serve: out of descriptors, it serves whom it has, and takes others as soon as "
          "there is room") {
  process node{{"/bin/sh", "-c", "ulimit -n 40; exec \"$0\" serve --demo --listen 127.0.0.1:0",
                PATIO_COMMAND}};
  auto where = patio::parse_endpoint(node.await("listening on ")).value();
  raw_peer early{where};
  early.log_in_as_client();
  std::vector<raw_peer> crowd;
  for (int i = 0; i < 100; ++i)
    crowd.emplace_back(where); // the kernel takes them, whether or not the node can
  std::string request;
  REQUIRE(patio::write_call_request({"mul", {{6, 7}, {}}, {}}, request));
  for (std::uint32_t serial = 10; serial < 20; ++serial) {
    early.send(patio::protocol::packet::request, serial, request);
    CHECK(early.receive().type == patio::protocol::packet::response);
  }
  crowd.clear();
  // Those that are still in the kernel's queue, or whose end has yet to be read, take up room as
  // long as that takes.
  auto later = run({"call", "mul", "6", "7", "--connect", patio::to_string(where)});
  while (later.code == 3)
    later = run({"call", "mul", "6", "7", "--connect", patio::to_string(where)});
  CAPTURE(later.err);
  CHECK(later.out == "42\n");
  node.signal(SIGTERM);
  CHECK(node.wait() == 0);
}
