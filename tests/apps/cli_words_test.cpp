// What a person types arrives as it was typed: one word is one argument, whatever it holds, and no
// option takes a value that it does not understand.
#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>

#include "cli.hpp"

using namespace patio::tests::cli;
using words = std::vector<std::string>;

namespace {

/// Returns what `patio call echo` prints for these words: one argument, or the tuple of arguments.
std::string echo(const server& s, words args) {
  args.insert(args.begin(), {"call", "echo", "--connect", s.where()});
  auto ended = run(std::move(args));
  if (ended.code != 0) return ended.err;
  constexpr std::string_view no_keywords = ", {})\n";
  bool is_tuple = ended.out.starts_with("((") && ended.out.ends_with(no_keywords);
  return is_tuple ? ended.out.substr(1, ended.out.size() - 1 - no_keywords.size())
                  : ended.out.substr(0, ended.out.size() - 1);
}

} // namespace

TEST_CASE("patio call: a word in brackets is one argument") {
  server s;
  CHECK(echo(s, {"[1, 2]"}) == "[1, 2]");
  CHECK(echo(s, {"[]"}) == "[]");
  CHECK(echo(s, {"[ ]", "[[]]"}) == "([], [[]])");
  CHECK(echo(s, {"['a,b', 'c']", "3"}) == "(['a,b', 'c'], 3)");
  CHECK(echo(s, {"{}"}) == "{}");
  CHECK(echo(s, {"()", "(1,)", "{1, 2}"}) == "((), (1,), {1, 2})");
  CHECK(echo(s, {"--", "[3]", "[]"}) == "([3], [])");
  CHECK(echo(s, {"--kw", "a=[1,2]", "--kw=b=[]"}) == "((), {'a': [1, 2], 'b': []})");
}

TEST_CASE("patio call: a word that is not a literal is a string") {
  server s;
  CHECK(echo(s, {"(hello)"}) == "'(hello)'");
  CHECK(echo(s, {"{name}"}) == "'{name}'");
  CHECK(echo(s, {"[ERROR]", "[a,b]", "[,]"}) == "('[ERROR]', '[a,b]', '[,]')");
  CHECK(echo(s, {"it's", "'", "\"", "[1, 2"}) == "(\"it's\", \"'\", '\"', '[1, 2')");
  CHECK(echo(s, {"", ""}) == "('', '')");
  CHECK(echo(s, {"%%", "@file", "/h", "a=b", "a\nb", "\\0"})
        == "('%%', '@file', '/h', 'a=b', 'a\\nb', '\\\\0')");
  CHECK(echo(s, {"010", "1,2", "..."}) == "('010', '1,2', '...')");
  CHECK(echo(s, {"--kw", "a=", "--kw", "b={c}", "--kw", "d=e=f"})
        == "((), {'a': '', 'b': '{c}', 'd': 'e=f'})");
  CHECK(echo(s, {std::string(100'000, '[')}).starts_with("patio: invalid argument: argument '[["));
  CHECK(echo(s, {std::string(100'000, 'x')}) == "'" + std::string(100'000, 'x') + "'");
}

TEST_CASE("patio call: marks of the command line and names of subcommands are arguments, too") {
  server s;
  CHECK(echo(s, {"++"}) == "'++'");
  CHECK(echo(s, {"call", "list", "pickle"}) == "('call', 'list', 'pickle')");
  CHECK(echo(s, {"-", "- x", "---", "--1", "-1", "-.5", "-inf"})
        == "('-', '- x', '---', '--1', -1, -0.5, -inf)");
  CHECK(echo(s, {"--", "--", "--json", "-h", "--kw", "++"})
        == "('--', '--json', '-h', '--kw', '++')");
  CHECK(echo(s, {"--kw", "a=--json", "--kw=b=--"}) == "((), {'a': '--json', 'b': '--'})");
  check_error(run({"call", "echo", "-x", "--connect", s.where()}), 2,
              "-x; an argument that begins with - goes after --");
}

TEST_CASE("patio: an option takes one value and never an empty one") {
  server s;
  for (auto value : {words{"--kw", "a"}, {"--kw", "=1"}, {"--kw", "a=1", "--kw", "a=2"}})
    check_error(run([&] {
                  words args{"call", "echo", "--connect", s.where()};
                  args.insert(args.end(), value.begin(), value.end());
                  return args;
                }()),
                2, "--kw");
  check_error(run({"call", "echo", "--key-file=", "--connect", s.where()}), 2,
              "--key-file: the value is empty");
  check_error(run({"call", "echo", "--tls-ca", "", "--connect", s.where()}), 2,
              "--tls-ca: the value is empty");
  check_error(run({"call", "echo", "1", "--connect="}), 2, "--connect: the value is empty");
  check_error(run({"call", "echo", "1", "--connect"}), 2, "--connect");
  check_error(run({"call", "echo", "--timeout", "1", "--timeout", "2", "--connect", s.where()}), 2,
              "--timeout");
  check_error(run({"call", "echo", "--json=[1]", "--connect", s.where()}), 2,
              "--json: takes no value");
  check_error(run({"serve", "--listen", "127.0.0.1:0", "127.0.0.1:0"}), 2, "127.0.0.1:0");
  check_error(run({"serve", "--limit", "[frame_bytes=1MiB]"}), 2, "[frame_bytes");
  check_error(run({"serve", "--allow", "[]"}), 2, "'[]'");
  check_error(run({"pickle", "explain", ""}), 2, "cannot read ''");
  check_error(run({"pickle", "explain", "[a]"}), 2, "cannot read [a]");
}

TEST_CASE("patio: an argument that no subcommand takes is an error") {
  server s;
  for (auto word : {"++", "x", "[]", "", "{}"})
    check_error(run({"list", word, "--connect", s.where()}), 2,
                "not expected: " + std::string{word});
  check_error(run({"pickle", "explain", "a", "++"}), 2, "not expected: ++");
  check_error(run({"++"}), 2, "'++' is not a known subcommand");
  check_error(run({"--", "list", "--connect", s.where()}), 2, "not expected: --");
}

TEST_CASE("patio: numbers of options are decimal") {
  server s;
  for (auto number : {"010", "0x10", "true", " 1", "1_0", "+1", "-1", "1.5", "[1]", "{}", "1e1"})
    check_error(run({"ping", "--count", number, "--connect", s.where()}), 2, "--count");
  for (auto number : {"-1", "18446744073709551616", "010"})
    check_error(run({"mesh", "--seed", number}), 2, "--seed: takes a whole number from 0");
  for (auto number : {"0x1", "inf", "1_0", "1 ", "two"})
    check_error(run({"call", "echo", "--timeout", number, "--connect", s.where()}), 2,
                "--timeout: takes a decimal number");
  check_error(run({"mesh", "--kill-every", "-1"}), 2, "--kill-every");
}

TEST_CASE("patio bench: --args is one list or tuple, with every argument as it is written") {
  server s;
  auto bench = [&](const std::string& args) {
    return run(
      {"bench", "--function", "fail", "--args", args, "--calls", "1", "--connect", s.where()});
  };
  CHECK(bench("['ValueError', '[1, 2]']").err.find("ValueError: [1, 2]") != std::string::npos);
  CHECK(bench(R"(["ValueError", "a\/b \ud83d\ude00"])").err.find("a/b \U0001f600")
        != std::string::npos);
  for (auto args : {"{}", "3", "[1", "(hello)", "'[]'", "[1, 2] x"})
    check_error(bench(args), 2, "--args");
}

TEST_CASE("patio call: JSON is read and written as Python's json module does it") {
  server s;
  auto json = [&](const std::string& word) { return echo(s, {"--json", word}); };
  CHECK(json(R"("\ud83d\ude00 \/ \u00e9")") == R"("\ud83d\ude00 / \u00e9")");
  CHECK(json(R"(["\ud83d", "\ude00\ud83d"])") == R"(["\ud83d", "\ude00\ud83d"])");
  CHECK(json(R"({"a":[1,-0,-0.0,1E2,18446744073709551616]})")
        == R"({"a": [1, 0, -0.0, 100.0, 18446744073709551616]})");
  CHECK(json("(None, True, 1e16, 1e-5, ('x',))") == R"([null, true, 1e+16, 1e-05, ["x"]])");
  CHECK(json("{None: 1, 2: 3}") == R"({"null": 1, "2": 3})");
  for (auto word : {"nan", "1e400", "{1}", "{(1,): 2}", "1j", "bytearray(b'')"})
    check_error(run({"call", "echo", "--json", word, "--connect", s.where()}), 2, "no JSON form");
  check_error(run({"call", "echo", R"({"a": 1, "a": 2})", "--connect", s.where()}), 2,
              "found 'a' twice");
}

TEST_CASE("patio: one line end after the key in a file is not a part of the key") {
  server s{{"--demo"}, {{"PATIO_KEY", "right"}}};
  auto call = [&](const std::string& content) {
    std::ofstream{"cli_words_key", std::ios::binary} << content;
    auto ended =
      run({"call", "mul", "6", "7", "--key-file", "cli_words_key", "--connect", s.where()});
    std::remove("cli_words_key");
    return ended;
  };
  for (auto content : {"right", "right\n", "right\r\n"}) CHECK(call(content).out == "42\n");
  for (auto content : {"right\r", "right\n\n", "right\r\n\r\n", "right ", "\nright"})
    CHECK(call(content).code == 3);
  for (auto content : {"", "\n", "\r\n"}) check_error(call(content), 2, "is empty");
  CHECK(call(std::string(32, 'k') + "\r\n").code == 3); // a whole key of 32 bytes, and a wrong one
}

TEST_CASE(
  "patio: an address that is only a number, or an IPv4 address of an old form, is an error") {
  for (auto address : {"15383", "0x7f000001", "15383:15383"})
    check_error(run({"call", "mul", "--connect", address}), 2, "a number alone is not a host");
  for (auto address : {"127.1", "0x7f.1:80", "127.0.0.010", "127.0.0.256:1"})
    check_error(run({"serve", "--listen", address}), 2, "four decimal numbers from 0 to 255");
  for (auto address : {"127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:1 "})
    check_error(run({"ping", "--connect", address}), 2, "the port is not a number");
  check_error(run({"list", "--connect", " 127.0.0.1"}), 2, "a character that a host name cannot");
}
