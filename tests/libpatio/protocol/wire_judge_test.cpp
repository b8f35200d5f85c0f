// Shows that the wire_judge of other tests detects violations.
#include "protocol/wire_judge.hpp"

#include "protocol/session_fixture.hpp"

using patio::protocol::packet;
using complaints = std::vector<std::string>;

namespace {

const std::string names = pickled(patio::value::list({"mul"}));

constexpr patio::protocol::extensions without_credit{true, true, true, false};

/// A judge after discovery. The client has announced these extensions, the server those or others.
struct judged {
  wire_judge judge;
  explicit judged(const patio::protocol::extensions& of_client = without_credit,
                  const patio::protocol::extensions& of_server = without_credit) {
    server(packet::discover_request, 3, patio::protocol::announcement(of_server));
    client(packet::discover_request, 2, patio::protocol::announcement(of_client));
    client(packet::discover_response, 3, names);
    server(packet::discover_response, 2, names);
    REQUIRE(judge.complaints.empty());
  }
  void client(packet type, std::uint32_t serial, std::string_view payload = pickled_none) {
    judge.carry(true, framed(type, serial, payload));
  }
  void server(packet type, std::uint32_t serial, std::string_view payload = pickled_none) {
    judge.carry(false, framed(type, serial, payload));
  }
};

std::string raised(std::vector<patio::value> notes) {
  return pickled(patio::value::exception("builtins.KeyError", {"mul"}, std::move(notes)));
}

} // namespace

TEST_CASE("wire_judge: accepts calls, cancellation, leaving and noted endings") {
  judged j;
  j.client(packet::request, 4, pickled_call("mul"));
  j.client(packet::cancel, 4);
  j.server(packet::error, 4, raised({"patio: cancelled"}));
  j.client(packet::request, 5, pickled_call("mul"));
  j.server(packet::response, 5);
  j.client(packet::cancel, 5); // crosses the answer
  j.server(packet::leaving, 6);
  j.client(packet::request, 7, pickled_call("mul"));
  j.client(packet::leaving_ok, 6);
  j.server(packet::request, 8, pickled_call("back")); // a side that goes away may still call
  CHECK(j.judge.complaints == complaints{});
}

TEST_CASE(
  "wire_judge: accepts CANCEL once, from the caller, before the caller has received the answer") {
  judged j;
  j.client(packet::cancel, 4);
  j.client(packet::request, 4, pickled_call("mul"));
  j.server(packet::cancel, 4); // the client's request
  j.client(packet::cancel, 4);
  j.client(packet::cancel, 4);
  CHECK(j.judge.complaints
        == complaints{"client: CANCEL 4 cancels nothing", "server: CANCEL 4 cancels nothing",
                      "client: CANCEL 4 cancels twice"});
  judged answered;
  answered.client(packet::request, 4, pickled_call("mul"));
  answered.server(packet::response, 4);
  answered.judge.arrived(true, 10'000);
  answered.client(packet::cancel, 4);
  CHECK(answered.judge.complaints == complaints{"client: CANCEL 4 cancels nothing"});
}

TEST_CASE("wire_judge: accepts exactly one answer to a cancelled request") {
  judged j;
  j.client(packet::request, 4, pickled_call("mul"));
  j.client(packet::cancel, 4);
  j.server(packet::response, 4);
  j.server(packet::error, 4, raised({}));
  CHECK(j.judge.complaints == complaints{"server: ERROR 4 answers nothing"});
}

TEST_CASE("wire_judge: accepts packets and notes of extensions only where they were announced") {
  judged j{{}};
  j.server(packet::request, 4, pickled_call("back"));
  j.server(packet::cancel, 4);
  j.server(packet::leaving, 5);
  j.client(packet::leaving_ok, 5);
  j.client(packet::request, 3, pickled_call("mul"));
  j.server(packet::error, 3, raised({"patio: no_route"}));
  CHECK(j.judge.complaints
        == complaints{"server: CANCEL 4 was not announced", "server: LEAVING 5 was not announced",
                      "client: REQUEST 3 comes behind LEAVING_OK",
                      "server: ERROR 3 has a note that its caller does not know"});
}

TEST_CASE(
  "wire_judge: accepts LEAVING_OK once under the serial of LEAVING, and no request after it") {
  judged j;
  j.server(packet::leaving, 6);
  j.client(packet::leaving_ok, 7);
  j.client(packet::leaving_ok, 6);
  j.client(packet::leaving_ok, 6);
  j.client(packet::request, 8, pickled_call("mul"));
  CHECK(j.judge.complaints
        == complaints{"client: LEAVING_OK 7 was not asked for",
                      "client: LEAVING_OK 6 was not asked for",
                      "client: REQUEST 8 comes behind LEAVING_OK"});
}

TEST_CASE("wire_judge: accepts announcements only in the exact bytes that nodes write") {
  judged j;
  auto otherwise = patio::value::dict(
    {{"patio",
      patio::value::dict({{"version", 1}, {"extensions", patio::value::list({"cancel"})}})}});
  j.client(packet::discover_request, 4, pickled(otherwise));
  j.client(packet::discover_request, 5, pickled(5));
  CHECK(j.judge.complaints
        == complaints{"client: DISCOVER_REQUEST 4 announces in words of its own",
                      "client: DISCOVER_REQUEST 5 announces in words of its own"});
}

namespace {

std::string total(patio::protocol::queue_number queue, std::uint64_t count) {
  return patio::protocol::write_queue_total({queue, count});
}

/// A judge of two ends that use credit. The server serves `mul` in queue 0 and `fast` in none.
struct judged_credit : judged {
  judged_credit() : judged{patio::protocol::all_extensions, patio::protocol::all_extensions} {
    server(packet::queues, 0, patio::protocol::write_queues({{"fast", -1}}));
    server(packet::credit, 0, total(0, 1));
    judge.reached(true, 1'000);
  }
};

} // namespace

TEST_CASE("wire_judge: accepts requests up to the credit that has arrived, and those of no queue") {
  judged_credit j;
  j.client(packet::request, 4, pickled_call("mul"));
  for (std::uint32_t serial : {5u, 6u, 7u}) j.client(packet::request, serial, pickled_call("fast"));
  j.client(packet::credit_used, 0, total(0, 1));
  CHECK(j.judge.complaints == complaints{});
  j.client(packet::request, 8, pickled_call("mul"));
  CHECK(j.judge.complaints == complaints{"client: REQUEST 8 has no credit"});
}

TEST_CASE("wire_judge: credit that is still on its way does not count") {
  judged j{patio::protocol::all_extensions, patio::protocol::all_extensions};
  j.server(packet::queues, 0, patio::protocol::write_queues({}));
  j.server(packet::credit, 0, total(0, 1));
  j.client(packet::request, 4, pickled_call("mul"));
  CHECK(j.judge.complaints == complaints{"client: REQUEST 4 has no credit"});
}

TEST_CASE("wire_judge: complains about credit that was not announced, has a serial, decreases, or "
          "was not granted") {
  judged plain;
  plain.server(packet::credit, 0, total(0, 1));
  CHECK(plain.judge.complaints
        == complaints{"server: CREDIT 0 was not announced",
                      "server: CREDIT 0 comes before the queues"});
  judged_credit j;
  j.server(packet::credit, 5, total(0, 2));
  j.server(packet::credit, 0, total(0, 1));
  j.server(packet::queues, 0, patio::protocol::write_queues({}));
  j.client(packet::credit_used, 0, total(0, 9));
  CHECK(j.judge.complaints
        == complaints{"server: CREDIT 5 has a serial", "server: CREDIT 0 grants nothing",
                      "server: QUEUES 0 came twice",
                      "client: CREDIT_USED 0 does not name the credit"});
}
