// Credit for requests: what a session sends, accepts and refuses.
#include <patio/protocol/request_credit.hpp>

#include "protocol/session_fixture.hpp"

using patio::errc;
using patio::value;
using patio::protocol::extensions;
using patio::protocol::packet;
using patio::protocol::queue_map;
using patio::protocol::queue_total;

namespace {

constexpr extensions with_credit{.credit = true};

struct credit_pair : session_pair {
  explicit credit_pair(const extensions& of_server = with_credit)
      : session_pair{of_server, with_credit} {}
  void tell(const queue_map& queues) {
    server.session.credit().tell_queues(queues, server.session.output());
  }
  void grant(queue_total credit) { server.session.credit().grant(credit, server.session.output()); }
  void report_used(patio::protocol::queue_number queue) {
    client.session.credit().report_used(queue, client.session.output());
  }
  /// What the client makes of a packet of the server.
  lines heard(packet type, const value& payload) {
    client.receive(type, 0, pickled(payload));
    return client.events.news();
  }
};

value pair(const value& queue, const value& total) { return value::tuple({queue, total}); }

} // namespace

TEST_CASE("session: queues and credit reach the peer as it was told") {
  credit_pair p;
  p.tell({{"mul", -1}, {"heavy", 2}});
  p.grant({0, 16});
  p.grant({2, 4});
  auto sent = p.server.sent();
  CHECK(shown(sent)
        == lines{"QUEUES 0 {'heavy': 2, 'mul': None}", "CREDIT 0 (0, 16)", "CREDIT 0 (2, 4)"});
  p.client.session.receive(sent);
  CHECK(p.client.events.news() == lines{"queues heavy=2 mul=-1", "credit", "credit"});
}

TEST_CASE("session: without the extension on both sides no packet is sent, and every request has "
          "room") {
  credit_pair p{extensions{}};
  p.tell({{"mul", -1}});
  p.grant({0, 16});
  CHECK(p.server.sent().empty());
  for (int i = 0; i < 100; ++i) {
    CHECK(p.client.session.credit().has_room(0));
    REQUIRE(p.client.session.request(1, {"mul", {}, {}}, 0));
  }
  (void)p.client.sent();
  p.report_used(0);
  CHECK(p.client.sent().empty());
}

TEST_CASE("session: requests have room up to the credit of their queue") {
  credit_pair p;
  CHECK_FALSE(p.client.session.credit().has_room(0));
  CHECK(p.client.session.credit().has_room(patio::protocol::no_queue));
  CHECK(p.heard(packet::credit, pair(0, 2)) == lines{"credit"});
  for (std::uint64_t token : {1u, 2u}) {
    CHECK(p.client.session.credit().has_room(0));
    REQUIRE(p.client.session.request(token, {"mul", {}, {}}, 0));
  }
  CHECK_FALSE(p.client.session.credit().has_room(0));
  CHECK_FALSE(p.client.session.credit().has_room(1));
  CHECK(p.heard(packet::credit, pair(0, 3)) == lines{"credit"});
  CHECK(p.client.session.credit().has_room(0));
}

TEST_CASE("session: a request that cannot be sent uses no credit") {
  credit_pair p;
  (void)p.heard(packet::credit, pair(0, 1));
  REQUIRE_FALSE(p.client.session.request(1, {"mul", {{std::string{"\xff"}}, {}}, {}}, 0));
  CHECK(p.client.session.credit().has_room(0));
}

TEST_CASE("session: the use of a credit is reported once for each credit, and not before") {
  credit_pair p;
  p.grant({1, 1});
  settle(p.server, p.client);
  p.report_used(1);
  CHECK(p.client.sent().empty());
  REQUIRE(p.client.session.request(1, {"mul", {}, {}}, 1));
  (void)p.client.sent();
  p.report_used(1);
  p.report_used(1);
  auto sent = p.client.sent();
  CHECK(shown(sent) == lines{"CREDIT_USED 0 (1, 1)"});
  p.server.session.receive(sent);
  CHECK(p.server.events.news() == lines{"used 1 1"});
}

TEST_CASE("session: a smaller or repeated grant is not sent, and a repeated packet is harmless") {
  credit_pair p;
  for (std::uint64_t total : {5u, 5u, 4u, 0u}) p.grant({0, total});
  CHECK(shown(p.server.sent()) == lines{"CREDIT 0 (0, 5)"});
  CHECK(p.heard(packet::credit, pair(0, 5)) == lines{"credit"});
  CHECK(p.heard(packet::credit, pair(0, 5)).empty());
}

TEST_CASE("session: a credit that decreases closes the connection and names both totals") {
  credit_pair p;
  (void)p.heard(packet::credit, pair(0, 5));
  CHECK(p.heard(packet::credit, pair(0, 4))
        == lines{"close protocol: CREDIT (type 61, serial 0): the credit for queue 0 decreases "
                 "from 5 to 4"});
}

TEST_CASE("session: a credit or a use that is not a queue and a number closes the connection") {
  std::vector<value> wrong{value{},
                           5,
                           "0",
                           value::tuple({0}),
                           value::tuple({0, 1, 2}),
                           value::list({0, 1}),
                           pair(-1, 1),
                           pair(16, 1),
                           pair(0, -1),
                           pair(0, 1.0),
                           pair(0, true),
                           pair("0", 1),
                           pair(value{}, 1),
                           pair(0, std::uint64_t{1} << 63)};
  for (auto type : {packet::credit, packet::credit_used})
    for (const auto& v : wrong) {
      credit_pair p;
      INFO(to_string(type), " ", patio::brief(v));
      auto heard = p.heard(type, v);
      REQUIRE(heard.size() == 1);
      CHECK(heard[0].starts_with("close protocol: " + std::string{to_string(type)}));
      CHECK(heard[0].find("must be a queue and a number of requests, not") != std::string::npos);
    }
}

TEST_CASE("session: a payload of credit that is no pickle, or is long, closes the connection") {
  for (const auto& bytes :
       {std::string{}, std::string{"x"}, std::string(65, 'x'), pickled(pair(0, 1)).substr(0, 5)}) {
    credit_pair p;
    p.client.receive(packet::credit, 0, bytes);
    CHECK(p.client.closed());
  }
}

TEST_CASE("session: a peer that claims to have used more than its credit is disconnected") {
  credit_pair p;
  p.grant({0, 3});
  p.server.receive(packet::credit_used, 0, pickled(pair(0, 3)));
  CHECK(p.server.events.news() == lines{"used 0 3"});
  p.server.receive(packet::credit_used, 0, pickled(pair(0, 4)));
  CHECK(p.server.events.news()
        == lines{"close protocol: CREDIT_USED (type 62, serial 0): the peer has used a credit of 4 "
                 "for queue 0, but got only 3"});
}

TEST_CASE("session: queues that are not a dict of names and queues close the connection") {
  for (const auto& v :
       {value{}, value::list({}), value::dict({{1, 1}}), value::dict({{"f", -1}}),
        value::dict({{"f", 16}}), value::dict({{"f", "1"}}), value::dict({{"f", true}})}) {
    credit_pair p;
    INFO(patio::brief(v));
    auto heard = p.heard(packet::queues, v);
    REQUIRE(heard.size() == 1);
    CHECK(heard[0].starts_with(
      "close protocol: QUEUES (type 60, serial 0): the payload must be a dict of"));
  }
}

TEST_CASE("session: a second QUEUES, or too many names, close the connection") {
  credit_pair p;
  CHECK(p.heard(packet::queues, value::dict({})) == lines{"queues"});
  CHECK(p.heard(packet::queues, value::dict({}))
        == lines{"close protocol: QUEUES (type 60, serial 0): the queues are told twice"});
  session_pair few{with_credit, with_credit, {.names_per_peer = 1}};
  few.client.receive(packet::queues, 0, pickled(value::dict({{"f", 1}, {"g", 1}})));
  CHECK(few.client.closed());
}

TEST_CASE("session: names over name_bytes are left out of a peer's queues") {
  session_pair p{with_credit, with_credit, {.name_bytes = 4}};
  p.client.receive(packet::queues, 0,
                   pickled(value::dict({{"long name", 1}, {"four", 2}, {"x", value{}}})));
  CHECK(p.client.events.news() == lines{"queues four=2 x=-1"});
}

TEST_CASE("session: a peer that withdraws the extension needs no credit any more") {
  credit_pair p;
  CHECK_FALSE(p.client.session.credit().has_room(0));
  p.client.receive(packet::discover_request, 9, pickled_none);
  CHECK(p.client.events.news() == lines{"credit"});
  CHECK(p.client.session.credit().has_room(0));
}
