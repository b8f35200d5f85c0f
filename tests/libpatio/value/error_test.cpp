#include <patio/value/error.hpp>

#include <doctest/doctest.h>

#include <array>
#include <set>
#include <string>

using patio::errc;
using patio::error;
using patio::value;

namespace {

struct row {
  errc code;
  int number;
  std::string name;
  std::string text;
  std::string python;
};

const std::array rows{
  row{errc::remote_error, 1, "remote_error", "the function raised", "RuntimeError"},
  row{errc::timeout, 2, "timeout", "no answer in time", "TimeoutError"},
  row{errc::cancelled, 3, "cancelled", "the call was cancelled", "RuntimeError"},
  row{errc::not_sent, 4, "not_sent", "the connection was lost before the call was sent",
      "ConnectionError"},
  row{errc::maybe_executed, 5, "maybe_executed",
      "the connection or the worker was lost, and the call may have run", "ConnectionError"},
  row{errc::no_route, 6, "no_route", "nobody serves this name", "KeyError"},
  row{errc::overloaded, 7, "overloaded", "too many calls are waiting", "RuntimeError"},
  row{errc::undecodable, 8, "undecodable", "the data cannot be accepted", "ValueError"},
  row{errc::shut_down, 9, "shut_down", "the node has shut down", "ConnectionError"},
  row{errc::invalid, 10, "invalid", "invalid argument", "ValueError"},
  row{errc::connect_failed, 11, "connect_failed", "could not connect", "ConnectionError"},
  row{errc::login_refused, 12, "login_refused", "the login was refused", "PermissionError"},
  row{errc::protocol, 13, "protocol", "the peer broke the protocol", "ConnectionError"},
};

} // namespace

TEST_CASE("errc: every enumerator has its number, name, text and Python exception") {
  for (const auto& r : rows) {
    INFO(r.name);
    CHECK(static_cast<int>(r.code) == r.number);
    CHECK(to_string(r.code) == r.name);
    CHECK(describe(r.code) == r.text);
    CHECK(to_string(error{r.code, {}, {}}) == r.text);
    CHECK(to_string(error{r.code, "calling 'mul'", {}}) == r.text + ": calling 'mul'");
    CHECK(patio::to_exception({r.code, {}, {}})
          == value::exception("builtins." + r.python, {r.text}));
    CHECK(patio::to_exception({r.code, "calling 'mul'", {}})
          == value::exception("builtins." + r.python, {"calling 'mul'"}));
  }
}

TEST_CASE("errc: the table has no row that this test does not know") {
  std::set<std::string> known, found;
  for (const auto& r : rows) known.insert(r.name);
  for (int number = 0; number < 256; ++number) found.emplace(to_string(static_cast<errc>(number)));
  CHECK(found == known);
  CHECK(to_string(errc{0}) == "invalid");
  CHECK(to_string(static_cast<errc>(rows.size() + 1)) == "invalid");
}

TEST_CASE("error: a remote error prints as Python's last traceback line") {
  auto line = [](std::string type, std::vector<value> args) {
    return to_string(patio::remote_error(value::exception(std::move(type), std::move(args))));
  };
  CHECK(line("builtins.ValueError", {"bad"}) == "ValueError: bad");
  CHECK(line("builtins.KeyError", {"k"}) == "KeyError: 'k'");
  CHECK(line("builtins.ZeroDivisionError", {}) == "ZeroDivisionError");
  CHECK(line("builtins.FileNotFoundError", {2, "No such file"})
        == "FileNotFoundError: [Errno 2] No such file");
  CHECK(line("shop.Stock.Empty", {1, 2}) == "shop.Stock.Empty: (1, 2)");
}

TEST_CASE("error: a remote exception goes back to Python unchanged") {
  auto raised = value::exception("builtins.ValueError", {"bad", 1}, {"a note"});
  auto e = patio::remote_error(raised);
  CHECK(e.code == errc::remote_error);
  CHECK(e.message.empty());
  CHECK(identical(to_exception(e), raised));
}

TEST_CASE("error: equal errors are equal in code, message and exception") {
  auto raised = value::exception("builtins.ValueError", {"bad"});
  CHECK(patio::remote_error(raised)
        == patio::remote_error(value::exception("builtins.ValueError", {"bad"})));
  CHECK_FALSE(patio::remote_error(raised)
              == patio::remote_error(value::exception("builtins.ValueError", {"worse"})));
  CHECK_FALSE(error{errc::timeout, "a", {}} == error{errc::timeout, "b", {}});
  CHECK(patio::result<int>{patio::fail(errc::timeout, "a")}.error()
        == error{errc::timeout, "a", {}});
}
