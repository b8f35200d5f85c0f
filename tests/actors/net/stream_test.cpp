// net::stream, with a protocol other than patio's.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>

#include <patio/actors/os/clock.hpp>

#include "credentials.hpp"
#include "line_server.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t MiB = std::size_t{1} << 20;

/// Writes more bytes than the kernel's buffers hold. The peer does not read.
net::write_result write_a_lot(line_server& server, std::size_t bytes) {
  return server.run([bytes](line_broker& b) { return b.stream->write(std::string(bytes, 'x')); });
}

} // namespace

TEST_CASE("stream: lines of another protocol are answered, however they are cut into pieces") {
  line_server server;
  auto client = server.connect();
  client.send("abc\nde");
  CHECK(client.read(4) == "cba\n");
  client.send("f");
  client.send("\n");
  CHECK(client.read(4) == "fed\n");
  CHECK(server.run([](line_broker& b) { return b.stream->sent_bytes(); }) == 8);
}

TEST_CASE("stream: a pause and a resume in the same round lose neither bytes nor the wakeup") {
  line_server server;
  auto client = server.connect();
  server.run([](line_broker& b) { b.pauses_after_each_read = true; });
  for (int i = 0; i < 100; ++i) {
    client.send("ping\n");
    REQUIRE(client.read(5) == "gnip\n");
  }
}

TEST_CASE("stream: a stream that is resumed and paused again at once is not read") {
  line_server server;
  auto client = server.connect();
  client.send("a\n");
  REQUIRE(client.read(2) == "a\n");
  server.run([](line_broker& b) { b.stream->pause(); });
  server.run([](line_broker& b) {
    b.stream->resume();
    b.stream->pause();
  });
  client.send("b\n");
  for (int round = 0; round < 10; ++round)
    CHECK(server.run([](line_broker& b) { return b.reads.size(); }) == 1);
  server.run([](line_broker& b) { b.stream->resume(); });
  CHECK(client.read(2) == "b\n");
}

TEST_CASE("stream: a paused stream is not read until it is resumed") {
  line_server server;
  auto client = server.connect();
  client.send("a\n");
  REQUIRE(client.read(2) == "a\n");
  server.run([](line_broker& b) { b.stream->pause(); });
  client.send("b\n");
  for (int round = 0; round < 10; ++round)
    CHECK(server.run([](line_broker& b) { return b.reads.size(); }) == 1);
  server.run([](line_broker& b) { b.stream->resume(); });
  CHECK(client.read(2) == "b\n");
}

TEST_CASE("stream: reads grow while processing is fast and shrink while it is slow") {
  line_server server;
  auto client = server.connect();
  const std::string bytes(MiB, 'x');
  client.send("a\n");
  REQUIRE(client.read(2) == "a\n");
  server.run([](line_broker& b) { b.stream->pause(); });
  CHECK(client.send_what_fits(bytes) > 200'000);
  server.run([](line_broker& b) { b.stream->resume(); });
  auto has_grown = [&] {
    return server.run([](const line_broker& b) { return std::ranges::count(b.reads, 65'536) > 0; });
  };
  // On a busy machine some processing takes long, and then the reads shrink for a while.
  for (int i = 0; i < 100 && !has_grown(); ++i) client.send(bytes);
  CHECK(has_grown());
  CHECK(server.run([](line_broker& b) { return b.reads[1]; }) == 4096);

  server.run([](line_broker& b) { b.processing_time = 1ms; });
  client.send(bytes);
  client.send("\n");
  server.await([](const line_broker& b) { return b.reads.back() <= 4096; });
}

TEST_CASE("stream: a stream is congested while its backlog is above the high-water mark") {
  line_server server;
  auto client = server.connect();
  auto done = write_a_lot(server, 16 * MiB);
  CHECK(done.accepted == 16 * MiB);
  CHECK(done.backlog.congestion_changed);
  CHECK_FALSE(done.backlog.overflowed);
  CHECK(server.run([](line_broker& b) { return b.stream->is_congested(); }));

  CHECK_FALSE(write_a_lot(server, 1).backlog.congestion_changed);
  CHECK(client.read(16 * MiB + 1).size() == 16 * MiB + 1);
  server.await([](const line_broker& b) { return b.stream->backlog_bytes() == 0; });
  CHECK(server.run([](line_broker& b) { return b.relieved; }) == 1);
  CHECK_FALSE(server.run([](line_broker& b) { return b.stream->is_congested(); }));
}

TEST_CASE("stream: a backlog above the limit of the write buffer is an overflow") {
  line_server server{{64 << 10, MiB, 10s}};
  auto client = server.connect();
  CHECK(write_a_lot(server, 16 * MiB).backlog.overflowed);
}

TEST_CASE("stream: a backlog that does not shrink in time is a stall") {
  line_server server{{64 << 10, 64 << 20, 10s}};
  auto client = server.connect();
  auto stalled = [&](std::chrono::seconds later) {
    return server.run(
      [later](line_broker& b) { return b.stream->is_stalled(clock_now() + later); });
  };
  CHECK_FALSE(stalled(1h));
  (void)write_a_lot(server, 16 * MiB);
  CHECK_FALSE(stalled(0s));
  CHECK(stalled(10s));
  CHECK(client.read(16 * MiB).size() == 16 * MiB);
  server.await([](const line_broker& b) { return b.stream->backlog_bytes() == 0; });
  CHECK_FALSE(stalled(1h));
}

TEST_CASE("stream: a hang-up sends the bytes that were written before") {
  line_server server;
  auto client = server.connect();
  server.run([](line_broker& b) {
    CHECK(b.stream->write("good night\n").accepted == 11);
    b.stream->hang_up();
  });
  CHECK(client.read(100) == "good night\n");
  server.await([](const line_broker& b) { return b.closed; });
}

TEST_CASE("stream: an abort resets the connection without waiting for the peer") {
  line_server server;
  auto client = server.connect();
  (void)write_a_lot(server, 16 * MiB);
  server.run([](line_broker& b) { b.stream->abort(); });
  server.await([](const line_broker& b) { return b.closed; });
  CHECK(client.drain() == ECONNRESET);
}

TEST_CASE("stream: a paused stream that hangs up is closed") {
  line_server server;
  auto client = server.connect();
  client.send("a\n");
  REQUIRE(client.read(2) == "a\n");
  server.run([](line_broker& b) {
    b.stream->pause();
    b.stream->hang_up();
  });
  CHECK(client.drain() == 0);
  server.await([](const line_broker& b) { return b.closed; });
}

TEST_CASE("stream: a peer that half-closes and does not read its backlog is reset") {
  line_server server;
  auto client = server.connect();
  (void)write_a_lot(server, 16 * MiB);
  client.half_close();
  server.await([](const line_broker& b) { return b.closed; });
  CHECK(client.drain() == ECONNRESET);
  CHECK(server.run([](line_broker& b) { return b.stream->backlog_bytes(); }) == 0);
  CHECK_FALSE(server.run([](line_broker& b) { return b.stream->is_open(); }));
}

TEST_CASE("stream: after the peer has closed, the broker serves the next connection") {
  line_server server;
  for (int i = 0; i < 20; ++i) {
    auto client = server.connect();
    client.send("abc\n");
    CHECK(client.read(4) == "cba\n");
    client.close();
    server.await([](const line_broker& b) { return b.closed; });
  }
}

TEST_CASE("stream: a TLS engine between the stream and the state machine encrypts all bytes") {
  credentials the;
  line_server server;
  auto context = tls::context::make(the.open_server()).value();
  auto client = server.connect(context.accept(8192));
  auto engine = tls::context::make(the.anonymous()).value().connect("127.0.0.1").value();
  std::string plain;
  auto exchange = [&] {
    client.send(std::exchange(engine->output(), {}));
    REQUIRE(engine->receive(client.read(1), plain));
  };
  REQUIRE(engine->receive({}, plain));
  while (!engine->is_open()) exchange();
  engine->send("abc\n");
  while (plain.size() < 4) exchange();
  CHECK(plain == "cba\n");
  engine->close();
  while (!engine->peer_closed()) exchange();
  CHECK(client.drain() == 0);
  CHECK(server.run([](line_broker& b) { return b.tls_closed; }));
}
