#include <patio/amqp/node.hpp>

#include <deque>
#include <random>
#include <variant>

#include "amqp/fake_rabbitmq.hpp"
#include "figures.hpp"
#include "simulated.hpp"

namespace patio::scale {
namespace {

amqp::id_source::random_function seeded_bytes(std::uint64_t seed) {
  return [engine = std::mt19937_64{seed}](std::size_t count) mutable {
    std::string bytes(count, '\0');
    for (auto& c : bytes) c = static_cast<char>(engine());
    return bytes;
  };
}

/// Nodes that serve, and wait for calls, at a simulated RabbitMQ. The nodes and the server take
/// turns, so that the processor time of the nodes is known.
class rabbitmq_nodes {
public:
  explicit rabbitmq_nodes(const plan& p) {
    for (std::size_t i = 0; i < p.nodes; ++i) {
      amqp::node_options options;
      options.seed = i;
      options.random = seeded_bytes(i);
      auto functions = idle_functions(p.names);
      functions.lock();
      members_.push_back(
        {std::make_unique<amqp::node>(std::move(options), std::move(functions)), 0, {}, {}});
      members_.back().node->start(now_);
    }
  }

  // A real server sends a heartbeat every half interval, as the node does.
  void pass(std::chrono::seconds time) {
    for (auto end = now_ + time; now_ < end;) {
      now_ += std::chrono::seconds{1};
      if (now_ % std::chrono::seconds{5} == instant::zero()) server_.tick(now_);
      do take_turns();
      while (is_moving_);
    }
  }

  traffic sent, received;
  double node_seconds = 0;
  [[nodiscard]] std::size_t clients() const { return server_.clients(); }

  /// Ends the nodes and returns the bytes that they held.
  [[nodiscard]] double release() {
    auto before = allocated_bytes();
    members_.clear();
    return before - allocated_bytes();
  }

private:
  struct member {
    std::unique_ptr<amqp::node> node;
    tests::fake_rabbitmq::client client;
    std::string to_server, to_node;
  };

  void take_turns() {
    is_moving_ = false;
    auto begin = processor_seconds();
    for (auto& m : members_) run(m);
    node_seconds += processor_seconds() - begin;
    for (auto& m : members_) move(m);
  }
  void run(member& m) {
    if (!m.to_node.empty()) m.node->receive(m.to_node, now_);
    m.to_node.clear();
    if (m.node->next_deadline() <= now_) m.node->tick(now_);
    std::vector<amqp::node_event> events;
    for (m.node->take_events(events); !events.empty(); m.node->take_events(events)) {
      for (auto& e : events)
        if (std::holds_alternative<amqp::dial_server>(e)) {
          m.client = server_.connect();
          m.node->connected(now_);
        }
      events.clear();
    }
    m.node->take_output(m.to_server, now_);
  }
  void move(member& m) {
    count_frames(sent, m.to_server);
    if (!m.to_server.empty()) server_.receive(m.client, m.to_server, now_);
    is_moving_ = is_moving_ || !m.to_server.empty();
    m.to_server.clear();
    m.to_node = server_.take_output(m.client);
    count_frames(received, m.to_node);
    is_moving_ = is_moving_ || !m.to_node.empty();
  }
  static void count_frames(traffic& t, std::string_view bytes) {
    t.bytes += bytes.size();
    if (bytes.starts_with("AMQP")) bytes.remove_prefix(8);
    while (bytes.size() >= 8) {
      std::size_t payload = 0;
      for (std::size_t i = 3; i < 7; ++i)
        payload = payload << 8 | static_cast<unsigned char>(bytes[i]);
      ++t.frames;
      bytes.remove_prefix(std::min(bytes.size(), 8 + payload));
    }
  }

  instant now_ = std::chrono::hours{1};
  tests::fake_rabbitmq server_;
  std::deque<member> members_;
  bool is_moving_ = false;
};

} // namespace

void run_rabbitmq(const plan& p) {
  rabbitmq_nodes all{p};
  all.pass(std::chrono::seconds{35});
  auto nodes = static_cast<double>(p.nodes), minutes = static_cast<double>(p.idle.count());
  auto sent = all.sent, received = all.received;
  auto first_seconds = all.node_seconds;
  all.pass(p.idle);
  auto each = [&](std::uint64_t last, std::uint64_t first) {
    return static_cast<double>(last - first) / nodes / minutes;
  };
  figures f{p.kind};
  f.add("nodes", nodes);
  f.add("names", static_cast<double>(p.names));
  f.add("connections_per_node", static_cast<double>(all.clients()) / nodes);
  f.add("frames_of_login_per_node", static_cast<double>(sent.frames + received.frames) / nodes);
  f.add("bytes_of_login_per_node", static_cast<double>(sent.bytes + received.bytes) / nodes);
  f.add("bytes_of_node", all.release() / nodes);
  f.add("frames_per_node_minute", each(all.sent.frames, sent.frames));
  f.add("sent_bytes_per_node_minute", each(all.sent.bytes, sent.bytes));
  f.add("received_bytes_per_node_minute", each(all.received.bytes, received.bytes));
  f.add("cpu_us_per_node_minute", 1e6 * (all.node_seconds - first_seconds) / nodes / minutes);
  f.add("engine_frames_second", each(all.sent.frames, sent.frames) * nodes / 60);
  f.print();
}

} // namespace patio::scale
