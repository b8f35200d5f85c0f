/// A broker on net::stream with a protocol other than patio's, and a client on a plain socket.
#pragma once

#include <doctest/doctest.h>

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <caf/io/middleman.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/system.hpp>
#include <patio/actors/net/closing_broker.hpp>
#include <patio/actors/net/stream.hpp>
#include <patio/tls/tls.hpp>

#include "outcomes.hpp"

namespace patio::tests {

/// Answers each line with its characters in reverse order. Uses no CAF and no sockets.
class line_reverser {
public:
  void receive(std::string_view bytes) {
    for (char c : bytes) {
      if (c != '\n') {
        line_ += c;
        continue;
      }
      output_.append(line_.rbegin(), line_.rend()) += '\n';
      line_.clear();
    }
  }
  [[nodiscard]] std::string& output() noexcept { return output_; }

private:
  std::string line_, output_;
};

/// The state of the broker, which serves one connection at a time.
struct line_broker {
  caf::io::broker* self = nullptr;
  std::optional<net::stream> stream;
  std::unique_ptr<tls::engine> tls;
  line_reverser machine;
  /// The processing time that adapt_read_size() is given.
  std::chrono::nanoseconds processing_time{};
  bool pauses_after_each_read = false;
  std::vector<std::size_t> reads; ///< the number of bytes of each read
  int relieved = 0;               ///< number of times that the stream's congestion has ended
  bool closed = false, tls_closed = false;

  void on_data(caf::io::new_data_msg& msg) {
    auto bytes = stream->received(msg);
    reads.push_back(bytes.size());
    if (pauses_after_each_read) stream->pause();
    process(bytes);
    stream->adapt_read_size(bytes.size(), processing_time);
    if (pauses_after_each_read) stream->resume();
  }

  // The broker owns the TLS engine, between the stream and the protocol.
  void process(std::string_view bytes) {
    if (!tls) {
      machine.receive(bytes);
      write(machine.output());
      return;
    }
    std::string plain;
    CHECK(tls->receive(bytes, plain));
    machine.receive(plain);
    if (tls->is_open() && !machine.output().empty()) tls->send(std::exchange(machine.output(), {}));
    tls_closed = tls->peer_closed();
    if (tls_closed) tls->close();
    write(tls->output());
    if (tls_closed) stream->hang_up();
  }

  void write(std::string& bytes) {
    if (bytes.empty()) return;
    CHECK(stream->write(bytes).accepted == bytes.size());
    bytes.clear();
  }

  void on_transferred(const caf::io::data_transferred_msg& msg) {
    auto change = stream->transferred(msg);
    if (change.congestion_changed && !stream->is_congested()) ++relieved;
  }

  void on_closed() {
    stream->closed();
    closed = true;
  }
};

using line_job = std::shared_ptr<std::function<void(line_broker&)>>;

} // namespace patio::tests

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::tests::line_job)

namespace patio::tests {

using line_broker_actor = caf::stateful_actor<line_broker, net::closing_broker>;

inline caf::behavior make_line_broker(line_broker_actor* self) {
  self->state.self = self;
  ignore_unknown_messages(self);
  return {
    [self](caf::io::new_data_msg& msg) { self->state.on_data(msg); },
    [self](const caf::io::data_transferred_msg& msg) { self->state.on_transferred(msg); },
    [self](const caf::io::connection_closed_msg&) { self->state.on_closed(); },
    [self](const line_job& job) { (*job)(self->state); },
  };
}

/// The client's end, on the test's thread. A test fails if a wait takes too long.
class line_client {
public:
  explicit line_client(unique_fd fd) : fd_{std::move(fd)} {}

  void send(std::string_view bytes);
  /// Sends until the kernel's buffers are full, and returns how many bytes were sent.
  std::size_t send_what_fits(std::string_view bytes);
  /// Reads `bytes` bytes, or fewer at the end of the stream.
  [[nodiscard]] std::string read(std::size_t bytes);
  /// Reads to the end of the stream. Returns 0, or the errno of a reset.
  int drain();
  void half_close();
  void close() { fd_ = {}; }

private:
  void await(short event) const;
  unique_fd fd_;
};

/// A system with one line broker.
class line_server {
public:
  explicit line_server(net::stream_options options = {64 << 10, 64 << 20, std::chrono::seconds{10}})
      : options_{options}, broker_{system_.middleman().spawn_broker(make_line_broker)} {}
  ~line_server() { caf::anon_send_exit(broker_, caf::exit_reason::user_shutdown); }
  line_server(const line_server&) = delete;
  line_server& operator=(const line_server&) = delete;

  /// Connects a client to the broker.
  [[nodiscard]] line_client connect(std::unique_ptr<tls::engine> tls = nullptr);

  /// Runs a function on the broker's state in the I/O thread, and returns what it returns.
  template <class F>
  auto run(F f) {
    using value_type = std::invoke_result_t<F, line_broker&>;
    auto promise = std::make_shared<std::promise<value_type>>();
    auto job = [promise, f](line_broker& b) {
      if constexpr (std::is_void_v<value_type>) {
        f(b);
        promise->set_value();
      } else {
        promise->set_value(f(b));
      }
    };
    caf::anon_send(broker_, std::make_shared<std::function<void(line_broker&)>>(job));
    return ended(promise->get_future());
  }
  /// Waits until the function returns true.
  void await(const std::function<bool(const line_broker&)>& holds) {
    auto until = std::chrono::steady_clock::now() + patience;
    while (!run(holds)) REQUIRE(std::chrono::steady_clock::now() < until);
  }

private:
  net::stream_options options_;
  system_config config_;
  caf::actor_system system_{config_};
  caf::actor broker_;
};

} // namespace patio::tests
