/// The names of the limits. `--limit NAME=VALUE` sets a limit. An error that a limit caused carries
/// the limit.
#pragma once

#include <cstdint>
#include <string_view>

#include <patio/base/api.hpp>

namespace PATIO_API patio {

/// The enumerators are in the order of `limit_table` (protocol/limit_table.hpp).
enum class limit : std::uint8_t {
  none, ///< no limit caused the error
  connections,
  connections_before_login,
  handshake_timeout,
  tls_handshake_bytes,
  login_frame_bytes,
  frame_bytes,
  skipped_frame_bytes,
  name_bytes,
  names_per_peer,
  keywords_per_call,
  inbound_calls,
  inbound_bytes,
  node_inbound_bytes,
  outbound_calls,
  waiting_calls,
  waiting_bytes,
  unknown_serials,
  pickle_depth,
  pickle_nodes,
  pickle_memo_entries,
  pickle_memory_bytes,
  pickle_integer_bytes,
  pickle_integer_digits,
  pickle_compared_bytes,
  pickle_trailing_bytes,
  decode_timeout,
  queue_per_worker,
  high_water_bytes,
  write_buffer_bytes,
  write_stall_timeout,
  longest_timeout,
  route_timeout,
  drain_timeout,
  connect_timeout,
  reconnect_first_delay,
  reconnect_longest_delay,
  reconnect_refused_delay,
  probe_interval,
  missed_probes,
  failures_to_eject,
  keepalive_delay,
  keepalive_interval,
  keepalive_probes,
  unacknowledged_timeout,
  accept_retry_delay,
  log_lines,
};

/// Returns the name of the enumerator, e.g. "inbound_calls", or "" for none.
[[nodiscard]] std::string_view to_string(limit which) noexcept;

} // namespace patio
