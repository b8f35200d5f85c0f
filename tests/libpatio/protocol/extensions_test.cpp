#include <patio/protocol/extensions.hpp>

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "hex.hpp"
#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::error;
using patio::value;
using patio::protocol::extensions;

namespace {

extensions read(std::string_view payload) {
  return patio::protocol::read_announcement(payload, {});
}

value announcing(const value& version, const value& listed) {
  return value::dict({{"patio", value::dict({{"version", version}, {"extensions", listed}})}});
}

// These functions write pickles by hand, because the writer would refuse some of the values.
std::string text(std::string_view s) {
  return std::string{"\x8c"} + static_cast<char>(s.size()) + std::string{s};
}
std::string dict(const std::string& items) { return "}(" + items + "u"; }
std::string list(const std::string& items) { return "](" + items + "e"; }
std::string whole(const std::string& body) { return "\x80\x04" + body + "."; }
/// A hundred nested pairs. Each pair holds the previous pair twice.
std::string laughs() {
  std::string bytes = ")";
  for (int i = 0; i < 100; ++i) bytes += "2\x86";
  return bytes;
}

/// `told` are the errors that the executing node reports. `untold` are the errors that only the
/// caller's own node reports.
constexpr std::array told{errc::timeout,     errc::cancelled, errc::no_route,      errc::overloaded,
                          errc::undecodable, errc::shut_down, errc::maybe_executed};
constexpr std::array untold{errc::remote_error,   errc::not_sent,      errc::invalid,
                            errc::connect_failed, errc::login_refused, errc::protocol};

} // namespace

TEST_CASE("extensions: an announcement has the bytes that CPython would pickle, and is None "
          "without extensions") {
  CHECK(to_hex(patio::protocol::announcement(patio::protocol::all_extensions))
        == "8005955e000000000000007d948c05706174696f947d94288c0a657874656e73696f6e73945d94288c06"
           "63616e63656c948c076c656176696e67948c07656e64696e6773948c06637265646974948c0864657363"
           "7269626594658c0776657273696f6e944b0175732e");
  CHECK(to_hex(patio::protocol::announcement({.cancel = true}))
        == "80059535000000000000007d948c05706174696f947d94288c0a657874656e73696f6e73945d948c0663616"
           "e63656c94618c0776657273696f6e944b0175732e");
  CHECK(patio::protocol::announcement({}) == pickled_none);
}

TEST_CASE("extensions: every set of extensions is read as it was announced") {
  for (int bits = 0; bits < 32; ++bits) {
    extensions some{(bits & 1) != 0, (bits & 2) != 0, (bits & 4) != 0, (bits & 8) != 0,
                    (bits & 16) != 0};
    CHECK(read(patio::protocol::announcement(some)) == some);
  }
}

TEST_CASE("extensions: unknown names and keys are ignored") {
  auto listed = value::list({"teleport", 5, value{}, value::bytes("leaving"), "Endings",
                             value::list({"endings"}), "cancel", "cancel"});
  CHECK(read(pickled(announcing(1, listed))) == extensions{.cancel = true});
  auto inner =
    value::dict({{"extensions", value::list({"leaving"})}, {"since", value{}}, {"version", 1}});
  CHECK(read(pickled(value::dict({{"other", 5}, {"patio", inner}})))
        == extensions{.leaving = true});
}

TEST_CASE("extensions: another version than 1, or no version, announces no extensions") {
  auto listed = value::list({"cancel", "leaving", "endings", "credit", "describe"});
  REQUIRE(read(pickled(announcing(1, listed))) == patio::protocol::all_extensions);
  for (const auto& version : {value{0}, value{2}, value{-1}, value{1.5}, value{"1"}, value{},
                              value::list({1}), value::bytes("1")})
    CHECK(read(pickled(announcing(version, listed))) == extensions{});
  CHECK(read(pickled(value::dict({{"patio", value::dict({{"extensions", listed}})}})))
        == extensions{});
}

TEST_CASE("extensions: a payload that is not an announcement announces no extensions") {
  for (const auto& v :
       {value{}, value{5}, value{"patio"}, value::list({"patio"}), value::dict({}),
        value::dict({{1, 2}}), value::dict({{value::bytes("patio"), value{}}}),
        value::dict({{"patio", value{}}}), value::dict({{"patio", 1}}),
        value::dict({{"patio", value::dict({})}}),
        value::dict({{"patio", value::dict({{"version", 1}})}}), announcing(1, {}),
        announcing(1, "cancel"), announcing(1, value::dict({{"cancel", 1}})), announcing(1, 7)})
    CHECK(read(pickled(v)) == extensions{});
  for (const auto& bytes : {std::string{}, std::string{"cancel"}, std::string(100, '\xff'),
                            from_hex("80048c026f738c0673797374656d932e")})
    CHECK(read(bytes) == extensions{});
}

TEST_CASE("extensions: a payload of more than 4096 bytes announces no extensions") {
  auto padded = [](std::size_t size) {
    auto all = patio::protocol::announcement(patio::protocol::all_extensions);
    return all + std::string(size - all.size(), '.'); // bytes behind a pickle's end are ignored
  };
  CHECK(read(padded(4096)) == patio::protocol::all_extensions);
  CHECK(read(padded(4097)) == extensions{});
}

TEST_CASE(
  "extensions: a truncated announcement announces nothing, and a flipped bit adds no extension") {
  auto all = patio::protocol::announcement(patio::protocol::all_extensions),
       one = patio::protocol::announcement({.cancel = true});
  for (std::size_t size = 0; size < all.size(); ++size)
    CHECK(read(std::string_view{all}.substr(0, size)) == extensions{});
  for (std::size_t bit = 0; bit < one.size() * 8; ++bit) {
    auto flipped = one;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
    auto theirs = read(flipped);
    CHECK_FALSE(theirs.leaving);
    CHECK_FALSE(theirs.endings);
    CHECK_FALSE(theirs.credit);
  }
}

TEST_CASE("extensions: an expansion bomb does no harm in any part of an announcement") {
  auto one = std::string{"K\1", 2}, lists = list(text("cancel"));
  auto inner = [&](const std::string& version, const std::string& listed) {
    return whole(
      dict(text("patio") + dict(text("version") + version + text("extensions") + listed)));
  };
  REQUIRE(patio::read_pickle(whole(laughs())));
  REQUIRE(read(inner(one, lists)) == extensions{.cancel = true});
  CHECK(read(whole(laughs())) == extensions{});
  CHECK(read(whole(dict(text("patio") + laughs()))) == extensions{});
  CHECK(read(inner(laughs(), lists)) == extensions{});
  CHECK(read(inner(one, laughs())) == extensions{});
  CHECK(read(inner(one, list(laughs() + text("leaving")))) == extensions{.leaving = true});
  session_pair p;
  p.server.receive(patio::protocol::packet::discover_request, 9, inner(one, list(laughs())));
  CHECK(shown(p.server.sent()) == lines{"DISCOVER_RESPONSE 9 ['mul']"});
}

TEST_CASE("extensions: a session uses the extensions that both sides have announced last") {
  session_pair p{patio::protocol::all_extensions, {.leaving = true}};
  CHECK(p.server.session.status().agreed == extensions{.leaving = true});
  CHECK(p.client.session.status().agreed == extensions{.leaving = true});
  p.server.receive(patio::protocol::packet::discover_request, 9, pickled_none);
  CHECK(p.server.session.status().agreed == extensions{});
}

TEST_CASE("endings: an error of the executing node is noted in the exception and is the same error "
          "after pickling and reading") {
  for (auto code : told) {
    error e{code, "why it was", {}};
    INFO(to_string(code));
    auto noted = patio::protocol::to_noted_exception(e);
    auto plain = patio::to_exception(e);
    CHECK(identical(noted, value::exception(std::string{plain.exception_type()}, {"why it was"},
                                            {"patio: " + std::string{to_string(code)}})));
    CHECK(patio::protocol::from_noted_exception(noted) == e);
    auto sent = patio::read_pickle(pickled(noted), {}, patio::unknown_class::as_exception);
    REQUIRE(sent);
    CHECK(patio::protocol::from_noted_exception(*sent) == e);
  }
}

TEST_CASE("endings: an error that only the caller's own node can know is not noted, and a note of "
          "it is not believed") {
  for (auto code : untold) {
    error e{code, "why it was", {}};
    INFO(to_string(code));
    CHECK(identical(patio::protocol::to_noted_exception(e), patio::to_exception(e)));
    auto claim = value::exception("builtins.ConnectionError", {"why it was"},
                                  {"patio: " + std::string{to_string(code)}});
    auto heard = patio::protocol::from_noted_exception(claim);
    CHECK(heard.code == errc::remote_error);
    CHECK(identical(heard.exception, claim));
  }
}

TEST_CASE("endings: every errc is in exactly one of the two lists") {
  CHECK(told.size() + untold.size() == static_cast<std::size_t>(errc::protocol));
}

TEST_CASE("endings: an exception that a function raised gets no note and keeps its own notes") {
  for (const auto& raised :
       {value::exception("builtins.KeyError", {"k"}),
        value::exception("builtins.TimeoutError", {"slow"}),
        value::exception("builtins.ValueError", {"bad", 1}, {"seen at noon"})}) {
    CHECK(identical(patio::protocol::to_noted_exception(patio::remote_error(raised)), raised));
    CHECK(patio::protocol::from_noted_exception(raised) == patio::remote_error(raised));
  }
}

TEST_CASE(
  "endings: a note counts only if it is the only note and exactly as this node would write it") {
  std::vector<std::vector<value>> all{{"patio: timeout", "patio: timeout"},
                                      {"seen at noon", "patio: timeout"},
                                      {"patio: timeout", "seen at noon"},
                                      {"patio:timeout"},
                                      {"patio: "},
                                      {"patio: Timeout"},
                                      {"patio: timeout "},
                                      {" patio: timeout"},
                                      {"timeout"},
                                      {5},
                                      {value::bytes("patio: timeout")}};
  for (auto& notes : all) {
    auto e = value::exception("builtins.TimeoutError", {"x"}, notes);
    auto heard = patio::protocol::from_noted_exception(e);
    CHECK(heard.code == errc::remote_error);
    CHECK(identical(heard.exception, e));
  }
}

TEST_CASE("endings: the note decides the error, not the class; the text is kept only if it is the "
          "only argument") {
  auto heard = [](std::vector<value> args) {
    return patio::protocol::from_noted_exception(
      value::exception("builtins.OSError", std::move(args), {"patio: overloaded"}));
  };
  CHECK(heard({"full"}) == error{errc::overloaded, "full", {}});
  CHECK(heard({}) == error{errc::overloaded, "", {}});
  CHECK(heard({5}) == error{errc::overloaded, "", {}});
  CHECK(heard({2, "full"}) == error{errc::overloaded, "", {}});
}

TEST_CASE("session: an ERROR carries a note only for a peer that has announced endings") {
  auto answered = [](const extensions& of_caller, const patio::result<value>& r) {
    session_pair p{patio::protocol::all_extensions, of_caller};
    p.server.receive(patio::protocol::packet::request, 5, pickled_call("mul"));
    p.server.answer(5, r);
    auto e = patio::read_pickle(frames_of(p.server.sent()).at(0).payload).value();
    return to_string(patio::protocol::from_noted_exception(e).code);
  };
  auto failed = patio::fail(errc::no_route, "mul");
  CHECK(answered({.endings = true}, failed) == "no_route");
  CHECK(answered({.cancel = true, .leaving = true}, failed) == "remote_error");
  CHECK(answered({.endings = true},
                 tl::unexpected(patio::remote_error(value::exception("builtins.KeyError", {"k"}))))
        == "remote_error");
}

TEST_CASE("session: the note of a peer that has announced endings is believed, and the note of "
          "another peer is data") {
  auto result = [](const extensions& of_server) {
    session_pair p{of_server, patio::protocol::all_extensions};
    REQUIRE(p.client.session.request(1, {"mul", {}, {}}));
    p.client.receive(patio::protocol::packet::error, 3,
                     pickled(value::exception("builtins.KeyError", {"mul"}, {"patio: no_route"})));
    return p.client.events.seen;
  };
  CHECK(result({.endings = true}) == lines{"result 1 no_route: nobody serves this name: mul"});
  CHECK(result({}) == lines{"result 1 remote_error: KeyError: 'mul'"});
  CHECK(result({.cancel = true, .leaving = true})
        == lines{"result 1 remote_error: KeyError: 'mul'"});
}

TEST_CASE("endings: an error without a text is read back without a text") {
  for (auto code : told)
    CHECK(patio::protocol::from_noted_exception(patio::protocol::to_noted_exception({code, {}, {}}))
          == error{code, {}, {}});
}
