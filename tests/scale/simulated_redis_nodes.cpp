#include <patio/redis/node.hpp>

#include <deque>
#include <map>
#include <variant>

#include "figures.hpp"
#include "redis/simulated_redis.hpp"
#include "simulated.hpp"

namespace patio::scale {
namespace {

/// Nodes that serve, and wait for calls, at a simulated Redis. The nodes and the server take turns,
/// so that the processor time of the nodes is known.
class redis_nodes {
public:
  explicit redis_nodes(const plan& p) {
    for (std::size_t i = 0; i < p.nodes; ++i) {
      redis::settings s{.project = "scale", .seed = i};
      s.url = parse_broker_url("redis://h").value();
      s.new_id = [this] {
        return "00000000-0000-4000-8000-" + std::to_string(100000000000 + ++last_id_);
      };
      auto functions = idle_functions(p.names, "scale");
      std::vector<redis::serving_group> groups{{functions.names(), 4}};
      members_.push_back(
        {std::make_unique<redis::node>(std::move(s), std::move(functions), std::move(groups)), {}});
    }
  }

  void pass(std::chrono::seconds time) {
    for (auto end = now_ + time; now_ < end;) {
      now_ += std::chrono::milliseconds{500};
      server_.tick(now_);
      do take_turns();
      while (is_moving_);
    }
  }

  std::uint64_t commands = 0, sent_bytes = 0, received_bytes = 0;
  double node_seconds = 0;
  [[nodiscard]] std::size_t links() const {
    std::size_t sum = 0;
    for (const auto& m : members_) sum += m.links.size();
    return sum;
  }

  /// Ends the nodes and returns the bytes that they held.
  [[nodiscard]] double release() {
    auto before = allocated_bytes();
    members_.clear();
    return before - allocated_bytes();
  }

private:
  struct wire {
    simulated_redis::client_id client = 0;
    std::string to_server = {}, to_node = {};
  };
  struct member {
    std::unique_ptr<redis::node> node;
    std::map<redis::link_number, wire> links;
  };

  void take_turns() {
    is_moving_ = false;
    auto begin = processor_seconds();
    for (auto& m : members_) run(m);
    node_seconds += processor_seconds() - begin;
    for (auto& m : members_)
      for (auto& [number, w] : m.links) move(w);
    commands += server_.log.size();
    server_.log.clear();
  }
  // A node does what has arrived, and what is due.
  void run(member& m) {
    for (auto& [number, w] : m.links) {
      if (w.to_node.empty()) continue;
      m.node->receive(number, w.to_node, now_);
      w.to_node.clear();
    }
    if (m.node->next_deadline() <= now_) m.node->tick(now_);
    redis::events events;
    for (m.node->take_events(events); !events.empty(); m.node->take_events(events)) {
      for (auto& e : events)
        if (auto* dials = std::get_if<redis::dial_link>(&e)) {
          m.links[dials->link].client = server_.connect();
          m.node->opened(dials->link, now_);
        }
      events.clear();
    }
    for (auto& [number, w] : m.links) m.node->take_output(number, w.to_server, now_);
  }
  void move(wire& w) {
    sent_bytes += w.to_server.size();
    if (!w.to_server.empty()) server_.receive(w.client, w.to_server, now_);
    is_moving_ = is_moving_ || !w.to_server.empty();
    w.to_server.clear();
    w.to_node = server_.take_output(w.client);
    received_bytes += w.to_node.size();
    is_moving_ = is_moving_ || !w.to_node.empty();
  }

  instant now_ = std::chrono::hours{1};
  simulated_redis server_;
  std::deque<member> members_;
  std::uint64_t last_id_ = 0;
  bool is_moving_ = false;
};

} // namespace

void run_redis(const plan& p) {
  redis_nodes all{p};
  all.pass(std::chrono::seconds{35});
  auto nodes = static_cast<double>(p.nodes), minutes = static_cast<double>(p.idle.count());
  auto logins = static_cast<double>(all.commands);
  auto first_commands = all.commands, first_sent = all.sent_bytes,
       first_received = all.received_bytes;
  auto first_seconds = all.node_seconds;
  all.pass(p.idle);
  figures f{p.kind};
  f.add("nodes", nodes);
  f.add("names", static_cast<double>(p.names));
  auto links = static_cast<double>(all.links());
  f.add("connections_per_node", links / nodes);
  f.add("commands_of_first_35s_per_node", logins / nodes);
  f.add("bytes_of_node", all.release() / nodes);
  f.add("commands_per_node_minute",
        static_cast<double>(all.commands - first_commands) / nodes / minutes);
  f.add("sent_bytes_per_node_minute",
        static_cast<double>(all.sent_bytes - first_sent) / nodes / minutes);
  f.add("received_bytes_per_node_minute",
        static_cast<double>(all.received_bytes - first_received) / nodes / minutes);
  f.add("cpu_us_per_node_minute", 1e6 * (all.node_seconds - first_seconds) / nodes / minutes);
  f.add("engine_commands_second",
        static_cast<double>(all.commands - first_commands) / 60 / minutes);
  f.print();
}

} // namespace patio::scale
