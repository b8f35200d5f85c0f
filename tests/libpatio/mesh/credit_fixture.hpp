/// Nodes with little credit for their callers, and peers whose credit the test decides.
#pragma once

#include "protocol/played_peer.hpp"

/// A caller, and a server whose queue holds so many requests.
struct bounded_server : two_nodes {
  explicit bounded_server(patio::mesh::credit_bounds bounds,
                          patio::mesh::node_options for_caller = {})
      : two_nodes{std::move(for_caller), {.executors = {{"", bounds}}}} {
    server.hold = server.queues = true;
  }
  void call(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) {
      ++last_token;
      caller.node.call(last_token, calling("slow", {patio::value{last_token}}), now);
    }
    settle();
  }
  void run_next() {
    auto w = std::move(server.held.front());
    server.held.pop_front();
    server.run(std::move(w));
    settle();
  }
  std::uint64_t last_token = 0;
};

/// A peer that grants only what the test says.
inline played_peer& meet_with_credit(played_mesh& m, std::vector<std::string> names,
                                     std::uint64_t credit, patio::protocol::queue_map queues = {}) {
  m.peers.push_back(std::make_unique<played_peer>(m.node, std::move(names),
                                                  patio::protocol::all_extensions, m.now));
  auto& peer = *m.peers.back();
  peer.terms = {credit, std::move(queues)};
  peer.log_in(m.now);
  peer.discover(m.now);
  m.settle();
  return peer;
}

inline void grant(played_mesh& m, played_peer& peer, std::uint64_t total,
                  patio::protocol::queue_number queue = 0) {
  peer.send(patio::protocol::packet::credit, patio::protocol::write_queue_total({queue, total}),
            m.now, 0);
  m.settle();
}

[[nodiscard]] inline std::vector<std::string> requested(const played_peer& peer) {
  std::vector<std::string> names;
  for (const auto& f : peer.requests)
    names.push_back(patio::read_call_request(f.payload).value().function);
  return names;
}
