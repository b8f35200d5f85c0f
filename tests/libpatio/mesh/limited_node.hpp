/// A node with custom limits and played peers, and checks of the effect of an exceeded limit.
#pragma once

#include <patio/mesh/node.hpp>
#include <patio/protocol/limit_table.hpp>

#include "protocol/played_peer.hpp"

using patio::limit;
using patio::limits;
using patio::value;
using patio::protocol::packet;

inline std::string times(std::size_t n, std::string_view part) {
  std::string all;
  for (std::size_t i = 0; i < n; ++i) all += part;
  return all;
}

struct limited : played_mesh {
  explicit limited(const limits& l) : played_mesh{{.limits = l}, some_functions()}, set{l} {
    owner.hold = true;
  }

  void request(played_peer& peer, const std::string& payload) {
    peer.send(packet::request, payload, now);
  }

  /// Returns the latest error that ended a call or a connection.
  patio::error last_error() {
    if (!owner.closings.empty()) return owner.closings.back();
    if (!owner.ended.empty() && !owner.ended.rbegin()->second.back())
      return owner.ended.rbegin()->second.back().error();
    return {};
  }
  [[nodiscard]] std::string said(limit which, std::uint64_t count) const {
    return " (limit " + std::string{to_string(which)} + "=" + limit_value(set, which)
           + ", exceeded " + std::to_string(count) + " times)";
  }
  limits set;
};

/// Checks that exceeding the limit closes the connection.
inline void check_closed(limited& m, limit which) {
  INFO(to_string(which));
  REQUIRE_FALSE(m.owner.closings.empty());
  CHECK(m.owner.closings.back().exceeded == which);
  CHECK(text_of(m.owner.closings.back()).ends_with(m.said(which, 1)));
  CHECK(m.node.exceeded(which) == 1);
}

/// Checks that the connection survives and the log has a line.
inline void check_logged(limited& m, limit which) {
  INFO(to_string(which));
  CHECK(m.owner.closings.empty());
  REQUIRE_FALSE(m.owner.logged.empty());
  CHECK(m.owner.logged.back().starts_with("played:1: "));
  CHECK(m.owner.logged.back().ends_with(m.said(which, 1)));
  CHECK(m.node.exceeded(which) == 1);
}

/// Checks that exceeding the limit ends only one of the node's own calls.
inline void check_refused(limited& m, limit which) {
  INFO(to_string(which));
  CHECK(m.owner.closings.empty());
  CHECK(m.owner.logged.empty());
  CHECK(m.last_error().exceeded == which);
  CHECK(text_of(m.last_error()).ends_with(m.said(which, 1)));
  CHECK(m.node.exceeded(which) == 1);
}

inline std::string long_text_call() { return pickled_call("slow", {std::string(1'000, 'x')}); }
