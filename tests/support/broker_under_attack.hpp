/// A node with a good client whose call is under way, and the place for bad ones: what these do may
/// cost nobody but themselves.
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

/// The open descriptors of this process.
[[nodiscard]] inline std::size_t descriptors() {
  auto all = std::filesystem::directory_iterator{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

struct town {
  log_capture log;
  on_demand later;
  std::atomic<int> rings{0}; ///< how often "ring" was called
  registry rpc = functions();
  tcp_node server;
  endpoint where;
  tcp_node good;
  call_future<std::int64_t> under_way;
  std::size_t descriptors_at_first;

  explicit town(const tcp_options& options = {}) : town{options, options.key} {}
  town(tcp_options options, const secret& key)
      : server{rpc, std::move(options)}, where{server.listen()}, good{registry{},
                                                                      tcp_options{.key = key}} {
    good.connect(where);
    under_way = call<std::int64_t>(good.broker(), "later");
    later.await_started(1);
    descriptors_at_first = descriptors();
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

  /// A bad peer. Each comes from another loopback address, so that the limit of log lines for one
  /// host hides none of theirs.
  [[nodiscard]] raw_peer stranger() {
    auto number = ++strangers_;
    last_address_ =
      "127.1." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250);
    return raw_peer{where, last_address_};
  }
  /// Where the last stranger came from.
  [[nodiscard]] const std::string& last_address() const noexcept { return last_address_; }
  /// Waits for the log to name the last stranger, in one line with this text.
  void check_named(const std::string& text) {
    auto line = log.await("peer=" + last_address_ + ":");
    CHECK(line.find(text) != std::string::npos);
    INFO(line);
    auto all = log.lines();
    auto names_it = [&](const std::string& l) {
      return l.find("peer=" + last_address_ + ":") != std::string::npos;
    };
    CHECK(std::count_if(all.begin(), all.end(), names_it) == 1);
  }

  /// The good client is served, and its call still runs.
  void check_undisturbed() {
    CHECK(ended(call<std::int64_t>(good.broker(), "two")) == 2);
    CHECK_FALSE(is_ready(under_way));
    later.answer_one();
    CHECK(ended(under_way) == 7);
  }
  /// The good client is served while the bad ones are there.
  void check_served() { CHECK(ended(call<std::int64_t>(good.broker(), "two")) == 2); }

  /// Once all strangers have gone: they have left no connection and no descriptor.
  void check_nothing_left() {
    auto until = std::chrono::steady_clock::now() + patience;
    std::size_t connected = 0, open = 0;
    do {
      connected = server.peers().size();
      open = descriptors();
    } while ((connected > 1 || open > descriptors_at_first)
             && std::chrono::steady_clock::now() < until);
    CHECK(connected == 1);
    CHECK(open <= descriptors_at_first);
  }

private:
  std::size_t strangers_ = 0;
  std::string last_address_;
};

} // namespace patio::tests
