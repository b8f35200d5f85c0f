// The thread that decodes large payloads, without a broker. The jobs come from sessions.
#include <patio/actors/os/decoder.hpp>

#include <doctest/doctest.h>

#include <future>
#include <latch>

#include "outcomes.hpp"
#include "protocol/session_fixture.hpp"

using namespace patio;
using namespace patio::protocol;
using namespace std::chrono_literals;

namespace {

session_options decoding_apart() {
  session_options o{"secret", {"mul"}, {}};
  o.decode_apart = 150;
  return o;
}

/// A connection whose peer sends a large payload.
struct connection : session_pair {
  connection() : session_pair{decoding_apart(), decoding_apart()} {}

  decoder::job request(std::size_t bytes) {
    server.receive(packet::request, 7, pickled_call("mul", {value{std::string(bytes, 'x')}}));
    return take(server);
  }
  decoder::job answer(std::size_t bytes) {
    REQUIRE(client.session.request(1, {"mul", {}, {}}));
    client.receive(packet::response, 3, pickled(value{std::string(bytes, 'x')}));
    return take(client);
  }

private:
  static decoder::job take(session_end& s) {
    REQUIRE(s.events.undecoded.size() == 1);
    decoder::job job = std::move(s.events.undecoded.front());
    s.events.undecoded.pop_front();
    return job;
  }
};

/// Blocks a decoder, and records the order in which it then decodes the waiting jobs.
class held_decoder {
public:
  explicit held_decoder(std::chrono::nanoseconds longest_wait) : decoder_{longest_wait} {
    decoder_.run(0, first_.request(1'000), [this](const decoder::job&) {
      begun_.count_down();
      open_.wait();
    });
    begun_.wait();
    decoder_.taken();
  }

  void add(connection_id connection, decoder::job job) {
    decoder_.run(connection, std::move(job), [this, connection](const decoder::job&) {
      order_.push_back(connection);
      decoder_.taken();
      if (connection == last_) done_.set_value();
    });
  }
  decoder& under_test() { return decoder_; }
  /// Lets the decoder go on. Returns the connections in the order of decoding, up to `last`.
  std::vector<connection_id> until(connection_id last) {
    last_ = last;
    open_.count_down();
    tests::ended(done_.get_future());
    return order_;
  }

private:
  connection first_;
  std::latch begun_{1}, open_{1};
  std::vector<connection_id> order_;
  connection_id last_ = 0;
  std::promise<void> done_;
  decoder decoder_; ///< last, because its thread uses the other members
};

} // namespace

TEST_CASE("decoder: answers come first, and small payloads before large ones that arrived a little "
          "earlier") {
  held_decoder q{1h};
  connection a, b, c, d;
  q.add(1, a.request(9'000'000));
  q.add(2, b.request(1'000'000));
  q.add(3, c.request(40'000));
  q.add(4, d.answer(9'000'000));
  CHECK(q.until(1) == std::vector<connection_id>{4, 3, 2, 1});
}

TEST_CASE("decoder: a waiting payload of a connection that has ended is not decoded") {
  held_decoder q{1h};
  connection a, b, c;
  auto job = b.request(2'000);
  std::weak_ptr<decode_job> withdrawn = job;
  q.add(1, a.request(1'000));
  q.add(2, std::move(job));
  q.add(3, c.request(100'000));
  q.under_test().withdraw(2);
  q.under_test().withdraw(77);
  CHECK(q.until(3) == std::vector<connection_id>{1, 3});
  CHECK(withdrawn.expired());
}

TEST_CASE("decoder: a request that has waited too long is refused, and an answer is decoded "
          "however long it has waited") {
  for (bool too_long : {false, true}) {
    connection a, b;
    auto request = a.request(50'000), answer = b.answer(50'000);
    std::promise<void> both;
    int ended = 0;
    {
      decoder d{too_long ? 0s : std::chrono::nanoseconds{1h}};
      auto note = [&](const decoder::job&) {
        d.taken();
        if (++ended == 2) both.set_value();
      };
      d.run(1, request, note);
      d.run(2, answer, note);
      tests::ended(both.get_future());
    }
    a.server.session.decoded(*request);
    b.client.session.decoded(*answer);
    if (too_long) {
      CHECK(shown(a.server.sent()).at(0).find("overloaded: the request, of 50")
            != std::string::npos);
      CHECK(a.server.events.news().at(0).find("has waited 0 s to be decoded") != std::string::npos);
    } else CHECK(a.server.events.news().at(0).starts_with("request 7 mul("));
    CHECK(b.client.events.seen.back().starts_with("result 1 'xxx"));
  }
}

TEST_CASE("decoder: a discarded job is destroyed on the decoder's thread") {
  connection a;
  std::thread::id decoded_on, destroyed_on;
  std::promise<decoder::job> decoded;
  {
    decoder d{1h};
    auto job = a.request(50'000);
    auto* left = job.get();
    d.run(1,
          decoder::job{left, [job, &destroyed_on](
                               decode_job*) mutable { destroyed_on = std::this_thread::get_id(); }},
          [&](const decoder::job& done) {
            decoded_on = std::this_thread::get_id();
            decoded.set_value(done);
          });
    job.reset();
    d.discard(decoded.get_future().get());
    connection b; // its job is queued behind the discarded job
    std::promise<void> later;
    d.taken();
    d.run(2, b.request(1'000), [&](const decoder::job&) { later.set_value(); });
    tests::ended(later.get_future());
  }
  CHECK(destroyed_on == decoded_on);
}

TEST_CASE("decoder: a callback that runs out of memory is called again") {
  connection a;
  std::promise<void> told;
  int times = 0;
  decoder d{1h};
  d.run(1, a.request(1'000), [&](const decoder::job&) {
    if (++times < 3) throw std::bad_alloc{};
    told.set_value();
  });
  tests::ended(told.get_future());
  CHECK(times == 3);
}
