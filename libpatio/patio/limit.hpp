/// The limits by name: what `--limit NAME=VALUE` sets, what an error that a limit caused carries, and what is counted.
#pragma once

#include <cstdint>
#include <string_view>

namespace patio {

/// In the order of `limit_table`.
enum class limit : std::uint8_t {
  none, ///< of an error: no limit caused it
  connections,
  connections_before_login,
  handshake,
  tls_handshake,
  frame_before_login,
  frame,
  skipped_frame,
  name,
  names,
  keywords,
  inbound_calls,
  inbound_bytes,
  node_inbound_bytes,
  outbound_calls,
  waiting_calls,
  unknown_serials,
  pickle_depth,
  pickle_nodes,
  pickle_memo,
  pickle_memory,
  pickle_integer_bytes,
  pickle_integer_digits,
  pickle_compared,
  pickle_trailing,
  decode_wait,
  queue_per_worker,
  high_water,
  write_buffer,
  write_stall,
  longest_timeout,
  route_wait,
  drain,
  connect_timeout,
  reconnect_first,
  reconnect_longest,
  reconnect_refused,
  refresh,
  missed_refreshes,
  failures,
  keepalive_idle,
  keepalive_interval,
  keepalive_probes,
  unacknowledged,
  accept_pause,
  log_lines,
};

/// The enumerator's own spelling, e.g. "inbound_calls"; "" for none.
[[nodiscard]] std::string_view to_string(limit which) noexcept;

} // namespace patio
