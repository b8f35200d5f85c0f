/// A node with a fake RabbitMQ in virtual time: moves bytes between them, in pieces of any size,
/// and keeps the node's events.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include <patio/amqp/node.hpp>

#include "amqp/fake_rabbitmq.hpp"

namespace patio::tests {

/// Random bytes that a seed decides.
[[nodiscard]] inline amqp::id_source::random_function seeded_bytes(std::uint64_t seed) {
  return [engine = std::mt19937_64{seed}](std::size_t count) mutable {
    std::string bytes(count, '\0');
    for (auto& c : bytes) c = static_cast<char>(engine());
    return bytes;
  };
}

class linked_node {
public:
  /// Whose random bytes the node uses: those of the seed, or those of its options.
  enum random_source : std::uint8_t { seeded_random, own_random };
  explicit linked_node(fake_rabbitmq& server, registry functions = registry{},
                       amqp::node_options options = {}, std::uint64_t seed = 1,
                       random_source source = seeded_random)
      : server_{server} {
    if (source == seeded_random) options.random = seeded_bytes(seed);
    options.seed = seed;
    functions.lock();
    node_.emplace(std::move(options), std::move(functions));
    node_->start(now);
  }

  [[nodiscard]] amqp::node& node() { return *node_; }
  [[nodiscard]] std::optional<fake_rabbitmq::client> client() const { return client_; }

  /// Moves all bytes and handles all events, until nothing changes.
  void settle() {
    for (bool moved = true; moved;) {
      moved = handle_events();
      moved = move_bytes() || moved;
    }
  }
  void advance(std::chrono::nanoseconds by) {
    now += by;
    server_.tick(now);
    node_->tick(now);
    settle();
  }
  /// Moves bytes once. Returns false if there were none.
  bool move_bytes() {
    if (!client_) return false;
    std::string out;
    node_->take_output(out, now);
    auto id = *client_;
    if (!out.empty()) sent += out;
    largest_output = std::max(largest_output, out.size());
    feed_server(id, out);
    if (client_ != id) return true;
    auto in = server_.take_output(id);
    feed_node(in);
    if (client_ == id && in.empty() && server_.has_closed(id)) {
      client_.reset();
      node_->disconnected({}, now);
      return true;
    }
    return !out.empty() || !in.empty();
  }
  void cut() {
    if (!client_) return;
    server_.disconnect(*std::exchange(client_, {}), now);
    node_->disconnected({}, now);
    settle();
  }
  std::uint64_t call(const std::string& name, arguments args = {}, value timeout = {}) {
    auto token = ++last_token_;
    keys[token] = node_->call(token, {name, std::move(args), std::move(timeout)}, now);
    return token;
  }
  [[nodiscard]] bool has_ended(std::uint64_t token) const { return ended.contains(token); }
  [[nodiscard]] errc code(std::uint64_t token) const { return ended.at(token).error().code; }
  /// Answers the oldest execution that has not been answered.
  void answer(const result<value>& r) {
    auto first = std::move(started.front());
    started.erase(started.begin());
    node_->answer(first.id, r, now);
    settle();
  }

  instant now = std::chrono::hours{1};
  std::size_t piece = std::string::npos; ///< bytes of a piece
  std::string sent;                      ///< all bytes from the node
  std::size_t largest_output = 0;        ///< bytes that the node has put out at once
  std::map<std::uint64_t, result<value>> ended;
  std::map<std::uint64_t, amqp::call_key> keys;
  std::vector<amqp::execute_call> started;
  std::vector<amqp::function_refused> refused;
  std::vector<std::pair<std::uint64_t, bool>> pongs; ///< tokens and successes
  std::vector<error> losses;
  struct {
    unsigned endings = 0, dials = 0, times_ready = 0;
  } seen;
  bool refuses_dials = false;

private:
  void feed_server(fake_rabbitmq::client id, std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
      server_.receive(id, std::string{bytes.substr(0, piece)}, now);
  }
  void feed_node(std::string_view bytes) {
    for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
      node_->receive(std::string{bytes.substr(0, piece)}, now);
  }
  bool handle_events() {
    std::vector<amqp::node_event> events;
    node_->take_events(events);
    for (auto& e : events) std::visit([this](auto& each) { handle(each); }, e);
    return !events.empty();
  }
  void handle(amqp::dial_server&) {
    ++seen.dials;
    if (refuses_dials) return node_->connect_failed({errc::connect_failed, "refused", {}}, now);
    client_ = server_.connect();
    node_->connected(now);
  }
  void handle(amqp::server_ready&) { ++seen.times_ready; }
  void handle(amqp::server_lost& e) {
    losses.push_back(e.why);
    if (!client_) return;
    feed_server(*client_, e.last_bytes);
    server_.disconnect(*std::exchange(client_, {}), now);
  }
  void handle(amqp::function_refused& e) { refused.push_back(std::move(e)); }
  void handle(amqp::execute_call& e) { started.push_back(std::move(e)); }
  void handle(amqp::call_finished& e) {
    ++seen.endings;
    ended.insert_or_assign(e.token, std::move(e.outcome));
  }
  void handle(amqp::ping_finished& e) { pongs.emplace_back(e.token, e.outcome.has_value()); }
  void handle(amqp::log_line&) {}

  fake_rabbitmq& server_;
  std::optional<amqp::node> node_;
  std::optional<fake_rabbitmq::client> client_;
  std::uint64_t last_token_ = 0;
};

} // namespace patio::tests
