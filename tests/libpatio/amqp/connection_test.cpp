#include <doctest/doctest.h>

#include <patio/amqp/connection.hpp>
#include <patio/amqp/table.hpp>

#include "hex.hpp"

using namespace patio;
using namespace patio::amqp;
using namespace std::chrono_literals;

namespace {

template <class Method>
std::string frame_of(channel_number channel, const Method& m) {
  std::string out;
  put_method(out, channel, m);
  return out;
}

/// A connection whose server is played by the test.
class played {
public:
  explicit played(connection_options options = {}) : c{std::move(options), now} {}

  void open(connection_tune tune = {.channel_max = 2047, .frame_max = 131'072, .heartbeat = 60}) {
    give(frame_of(0, connection_start{.mechanisms = "AMQPLAIN PLAIN", .locales = "en_US"}));
    give(frame_of(0, tune));
    give(frame_of(0, connection_open_ok{}));
    REQUIRE(opened);
    (void)output();
  }
  /// Gives bytes in pieces and records the events.
  void give(std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
      std::string part{bytes.substr(0, piece)};
      c.feed(part, now);
      drain();
    }
  }
  void drain() {
    while (auto e = c.next()) {
      if (std::holds_alternative<connection_opened>(*e)) opened = true;
      if (const auto* m = std::get_if<method_arrived>(&*e))
        methods.emplace_back(name_of(m->method));
      if (const auto* m = std::get_if<message_arrived>(&*e))
        messages.push_back({std::string{m->body}, m->size, m->is_too_large});
      if (const auto* m = std::get_if<channel_closed>(&*e)) closed_channels.push_back(m->text);
      if (const auto* b = std::get_if<publishing_blocked>(&*e)) blocked = b->is_blocked;
      if (const auto* end = std::get_if<connection_ended>(&*e)) {
        REQUIRE_FALSE(why);
        why = end->why;
      }
    }
  }
  std::string output() {
    std::string out;
    c.take_output(out, now);
    return out + c.take_farewell();
  }

  struct message {
    std::string body;
    std::uint64_t size;
    bool is_too_large;
  };
  instant now = 1h;
  std::size_t piece = std::string::npos;
  connection c;
  bool opened = false, blocked = false;
  std::vector<std::string> methods, closed_channels;
  std::vector<message> messages;
  std::optional<error> why;
};

std::string delivery(std::string_view body, std::size_t max_frame = 131'072) {
  auto out = frame_of(1, basic_deliver{"ctag", 1, false, "", "q"});
  put_content(out, 1, {.type = "result"}, body, max_frame);
  return out;
}

} // namespace

TEST_CASE("amqp::connection: the handshake sends aiormq's frames") {
  played p{{.user = "me", .password = "secret", .virtual_host = "/"}};
  CHECK(p.output() == protocol_header);
  p.give(frame_of(0, connection_start{.mechanisms = "PLAIN", .locales = "en_US"}));
  auto start_ok = p.output();
  CHECK(start_ok.find(std::string{"\0me\0secret", 10}) != std::string::npos);
  CHECK(start_ok.find("consumer_cancel_notify") != std::string::npos);
  p.give(frame_of(0, connection_tune{.channel_max = 2047, .frame_max = 131'072, .heartbeat = 60}));
  // The vectors of the Python plugin.
  CHECK(to_hex(p.output())
        == "0100000000000c000a001f07ff00020000003cce01000000000008000a0028012f0000ce");
  p.give(frame_of(0, connection_open_ok{}));
  CHECK(p.opened);
}

TEST_CASE("amqp::connection: events do not depend on the pieces of the stream") {
  for (std::size_t piece : {1UL, 2UL, 3UL, 9UL, 100UL}) {
    played p{{.body_bytes = 5000}};
    p.piece = piece;
    p.open();
    p.c.open_channel(1);
    p.give(frame_of(1, channel_open_ok{}) + delivery(std::string(4500, 'x'), 1000) + delivery("")
           + delivery(std::string(5001, 'y'), 1000) + delivery("z")
           + frame_of(0, connection_blocked{"memory"}));
    CHECK(p.methods == std::vector<std::string>{"channel.open-ok"});
    REQUIRE(p.messages.size() == 4);
    CHECK(p.messages[0].body == std::string(4500, 'x'));
    CHECK(p.messages[1].body.empty());
    CHECK(p.messages[2].body.empty());
    CHECK(p.messages[2].size == 5001);
    CHECK(p.messages[2].is_too_large);
    CHECK(p.messages[3].body == "z");
    CHECK(p.blocked);
    CHECK_FALSE(p.why);
  }
}

TEST_CASE("amqp::connection: a refused login is an error with the server's reason") {
  played p;
  p.give(frame_of(0, connection_start{.mechanisms = "PLAIN", .locales = "en_US"}));
  (void)p.output();
  p.give(frame_of(0, connection_close{{403, "ACCESS_REFUSED - Login was refused", {}}}));
  REQUIRE(p.why);
  CHECK(patio::is_refusal(*p.why));
  CHECK(p.why->message.find("403 ACCESS_REFUSED") != std::string::npos);
  CHECK(p.output() == frame_of(0, connection_close_ok{}));
}

TEST_CASE("amqp::connection: a server of another kind is refused by what it says") {
  auto why = [](std::string_view bytes) {
    played p;
    p.give(bytes);
    REQUIRE(p.why);
    CHECK(p.why->code == errc::login_refused);
    return p.why->message;
  };
  CHECK(why("HTTP/1.1 400").find("HTTP") != std::string::npos);
  CHECK(why(frame_of(0, connection_start{.mechanisms = "EXTERNAL"})).find("PLAIN")
        != std::string::npos);
  CHECK(why(frame_of(0, connection_start{.major = 8, .minor = 0, .mechanisms = "PLAIN"}))
          .find("AMQP 8-0")
        != std::string::npos);
  CHECK(why(frame_of(0, connection_open_ok{})).find("wrong time") != std::string::npos);
}

TEST_CASE(
  "amqp::connection: a frame out of order ends the connection with a reason for the server") {
  auto check = [](std::string bytes, const char* part) {
    played p;
    p.open();
    p.c.open_channel(1);
    (void)p.output();
    p.give(bytes);
    REQUIRE_MESSAGE(p.why, part);
    CHECK(p.why->code == errc::protocol);
    CHECK_MESSAGE(p.why->message.find(part) != std::string::npos, p.why->message);
    CHECK(p.output().find(p.why->message.substr(0, 255)) != std::string::npos);
  };
  auto whole = delivery("abc");
  auto first = frame_of(1, basic_deliver{"ctag", 1, false, "", "q"});
  auto second = whole.substr(first.size());
  check(second, "without a message");
  check(first + first, "within a message");
  check(first + frame_of(1, queue_bind_ok{}), "within a message");
  check(frame_of(7, queue_bind_ok{}), "not open");
  check(frame_of(1, connection_blocked{}), "on a channel");
  check(frame_of(0, queue_bind_ok{}), "wrong time");
  std::string body;
  frame_writer{body, frame_type::body, 1};
  check(body, "without a content header");
  std::string longer = first;
  put_content(longer, 1, {}, "abc", 131'072);
  longer[longer.size() - 5] = 4; // the size of the body's frame
  check(longer.substr(0, longer.size() - 1) + "x\xce", "longer than its content header");
}

TEST_CASE("amqp::connection: a closed channel does not affect the others") {
  played p;
  p.open();
  p.c.open_channel(1);
  p.c.open_channel(2);
  (void)p.output();
  p.give(frame_of(2, channel_close{{404, "NOT_FOUND - no exchange", queue_bind::id}}));
  CHECK(p.closed_channels == std::vector<std::string>{"NOT_FOUND - no exchange"});
  CHECK(p.output() == frame_of(2, channel_close_ok{}));
  p.give(delivery("still here"));
  CHECK(p.messages.size() == 1);
}

TEST_CASE("amqp::connection: heartbeats keep time that is given") {
  played p{{.heartbeat = 10s}};
  p.open();
  CHECK(p.c.next_deadline() == p.now + 5s);
  p.now += 5s;
  p.c.tick(p.now);
  CHECK(to_hex(p.output()) == "08000000000000ce");
  p.give(from_hex("08000000000000ce"));
  CHECK(p.methods.empty());
  p.now += 20s;
  p.c.tick(p.now);
  p.drain();
  REQUIRE(p.why);
  CHECK(p.why->code == errc::maybe_executed);
  CHECK(p.why->message == "the server was silent for 20 s");
  CHECK(p.c.next_deadline() == never);
}

TEST_CASE("amqp::connection: without heartbeats silence is no end") {
  played p{{.heartbeat = 0s}};
  p.open({.channel_max = 0, .frame_max = 0, .heartbeat = 0});
  p.now += 24h;
  p.c.tick(p.now);
  p.drain();
  CHECK_FALSE(p.why);
}

TEST_CASE("amqp::connection: close waits for the server's answer") {
  played p;
  p.open();
  p.c.close();
  CHECK(p.output() == frame_of(0, connection_close{{200, "normally closed", {}}}));
  p.c.send(1, basic_ack{1, false});
  CHECK(p.output().empty());
  p.give(frame_of(1, queue_bind_ok{}));
  CHECK_FALSE(p.why);
  p.give(frame_of(0, connection_close_ok{}));
  REQUIRE(p.why);
  CHECK(p.why->code == errc::shut_down);
}

TEST_CASE("amqp::connection: the end of the stream names the phase") {
  played p;
  p.c.peer_closed();
  p.drain();
  CHECK(p.why->message.find("before the AMQP handshake") != std::string::npos);
  played q;
  q.open();
  q.give("\x01");
  q.c.peer_closed();
  q.drain();
  CHECK(q.why->code == errc::maybe_executed);
  CHECK(q.why->message.find("within a frame") != std::string::npos);
}
