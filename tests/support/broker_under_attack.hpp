/// A node with one good client that has a call in flight. A hostile peer may harm only its own
/// connection.
#pragma once

#include <algorithm>
#include <atomic>
#include <filesystem>

#include <patio/pickle/pickle.hpp>

#include "nodes.hpp"
#include "raw_peer.hpp"

namespace patio::tests {

inline const std::string none = "\x80\x05N.";

[[nodiscard]] inline std::string pickle_of(const value& v) {
  std::string out;
  REQUIRE(write_pickle(v, out));
  return out;
}

/// The payload of a REQUEST.
[[nodiscard]] inline std::string request(const std::string& name, std::vector<value> args = {}) {
  std::string payload;
  REQUIRE(write_call_request({name, {std::move(args), {}}, {}}, payload));
  return payload;
}

/// Counts the open file descriptors of this process.
[[nodiscard]] inline std::size_t open_descriptors() {
  auto all = std::filesystem::directory_iterator{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

struct broker_under_attack {
  log_capture log;
  on_demand later;
  std::atomic<int> rings{0}; ///< counts the calls of "ring"
  registry rpc = functions();
  tcp_node server;
  endpoint where;
  tcp_node good;
  call_future<std::int64_t> in_flight; ///< the good client's call of "later"
  std::size_t descriptors_at_first;

  explicit broker_under_attack(const tcp_options& options = {})
      : broker_under_attack{options, options.key} {}
  broker_under_attack(tcp_options options, const secret& key)
      : server{rpc, std::move(options)}, where{server.listen()}, good{registry{},
                                                                      tcp_options{.key = key}} {
    good.connect(where);
    in_flight = call<std::int64_t>(good.broker(), "later");
    later.await_started(1);
    descriptors_at_first = open_descriptors();
  }
  registry functions() {
    registry r;
    r.add("two", [] { return 2; });
    r.add("ring", [this] { return ++rings; });
    r.add("echo", [](value v) { return v; });
    r.add("big",
          [](std::int64_t bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); });
    later.add_to(r);
    return r;
  }

  /// Connects a hostile peer. Each hostile peer has its own loopback address, so that the limit of
  /// log lines for one network suppresses none of its lines.
  [[nodiscard]] raw_peer hostile_peer() {
    auto number = ++hostile_peers_;
    last_address_ =
      "127.1." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250);
    return raw_peer{where, last_address_};
  }
  /// The address of the last hostile peer.
  [[nodiscard]] const std::string& last_address() const noexcept { return last_address_; }
  /// Waits for a log line about the last hostile peer. There must be one such line, with this text.
  void check_logged(const std::string& text) {
    auto line = log.await("peer=" + last_address_ + ":");
    INFO(line);
    CHECK(line.find(text) != std::string::npos);
    auto all = log.lines();
    auto names_peer = [&](const std::string& l) {
      return l.find("peer=" + last_address_ + ":") != std::string::npos;
    };
    CHECK(std::count_if(all.begin(), all.end(), names_peer) == 1);
  }

  /// Checks that the good client is served, and that its call in flight is still open; then ends
  /// that call.
  void check_undisturbed() {
    CHECK(ended(call<std::int64_t>(good.broker(), "two")) == 2);
    CHECK_FALSE(is_ready(in_flight));
    later.answer_one();
    CHECK(ended(in_flight) == 7);
  }
  /// Checks that the good client is served while hostile peers are connected.
  void check_served() { CHECK(ended(call<std::int64_t>(good.broker(), "two")) == 2); }

  /// Checks that no connection and no descriptor is left. All hostile peers must have closed
  /// before.
  void check_nothing_left() {
    auto deadline = std::chrono::steady_clock::now() + patience;
    std::size_t connected = 0, open = 0;
    do {
      connected = server.peers().size();
      open = open_descriptors();
    } while ((connected > 1 || open > descriptors_at_first)
             && std::chrono::steady_clock::now() < deadline);
    CHECK(connected == 1);
    CHECK(open <= descriptors_at_first);
  }

private:
  std::size_t hostile_peers_ = 0;
  std::string last_address_;
};

} // namespace patio::tests
