#include <patio/protocol/limit_table.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <patio/value/repr.hpp>

namespace patio {
namespace {

enum class unit : std::uint8_t { count, bytes, seconds };

/// Access to one limit, and its range. Times are in nanoseconds.
struct access {
  unit in;
  double (*get)(const limits&);
  void (*set)(limits&, double);
  double least, most;
};

constexpr double kib = 1024, mib = 1024 * kib, gib = 1024 * mib;
constexpr double ms = 1e6, s = 1e9, hour = 3600 * s;

template <auto Reach>
constexpr access field(unit in, double least, double most) {
  using type = std::remove_reference_t<decltype(Reach(std::declval<limits&>()))>;
  auto get = [](const limits& all) {
    const auto& now = Reach(const_cast<limits&>(all)); // Reach only returns the field
    if constexpr (std::is_same_v<type, std::chrono::nanoseconds>)
      return static_cast<double>(now.count());
    else return static_cast<double>(now);
  };
  auto set = [](limits& all, double to) {
    if constexpr (std::is_same_v<type, std::chrono::nanoseconds>)
      Reach(all) = std::chrono::nanoseconds{static_cast<std::int64_t>(to)};
    else Reach(all) = static_cast<type>(to);
  };
  return {in, get, set, least, most};
}

struct row {
  limit which;
  std::string_view meaning;
  access reach;
};

// NOLINTBEGIN(bugprone-macro-parentheses): the field's path cannot stand in parentheses
#define PATIO_LIMIT(NAME, PATH, UNIT, LEAST, MOST, MEANING)                                        \
  row {                                                                                            \
    limit::NAME, MEANING, field < [](limits & all) -> auto& { return all.PATH; }                   \
    > (unit::UNIT, LEAST, MOST)                                                                    \
  }
// NOLINTEND(bugprone-macro-parentheses)

constexpr std::array rows{
  PATIO_LIMIT(connections, connections, count, 1, 1e6,
              "open connections at which the node accepts no more"),
  PATIO_LIMIT(connections_before_login, connections_before_login, count, 1, 1e6,
              "accepted connections that have not logged in yet"),
  PATIO_LIMIT(handshake_timeout, handshake_timeout, seconds, 10 * ms, hour,
              "time for TLS, login and discovery together"),
  PATIO_LIMIT(tls_handshake_bytes, tls_handshake_bytes, bytes, 2 * kib, 64 * kib,
              "size of a client's TLS handshake, including its certificates"),
  PATIO_LIMIT(login_frame_bytes, login_frame_bytes, bytes, 128, mib,
              "payload of a frame before the login"),
  PATIO_LIMIT(frame_bytes, frame_bytes, bytes, 128, gib, "payload of a frame after the login"),
  PATIO_LIMIT(skipped_frame_bytes, skipped_frame_bytes, bytes, 128, 4 * gib,
              "payload of an oversized frame that is skipped; a larger one closes its connection"),
  PATIO_LIMIT(name_bytes, name_bytes, bytes, 1, mib, "length of a function's name"),
  PATIO_LIMIT(names_per_peer, names_per_peer, count, 1, 1e6, "functions of one peer"),
  PATIO_LIMIT(keywords_per_call, keywords_per_call, count, 1, 1e6, "keyword arguments of one call"),
  PATIO_LIMIT(inbound_calls, inbound_calls, count, 1, 1e6, "unanswered calls from one connection"),
  PATIO_LIMIT(inbound_bytes, inbound_bytes, bytes, 1, 64 * gib,
              "memory of the arguments of one connection's calls"),
  PATIO_LIMIT(node_inbound_bytes, node_inbound_bytes, bytes, 1, 1024 * gib,
              "memory of the arguments of all calls from peers"),
  PATIO_LIMIT(outbound_calls, outbound_calls, count, 1, 1e6,
              "calls that wait for answers from one connection"),
  PATIO_LIMIT(waiting_calls, waiting_calls, count, 1, 1e8,
              "calls that wait for answers or for a peer"),
  PATIO_LIMIT(waiting_bytes, waiting_bytes, bytes, 1, 1024 * gib,
              "memory of the arguments of calls that wait for a peer or its credit"),
  PATIO_LIMIT(unknown_serials, unknown_serials, count, 1, 1e6,
              "answers per minute for which no call waits"),
  PATIO_LIMIT(pickle_depth, pickle.depth, count, 1, value::max_depth,
              "levels of containers in a pickle"),
  PATIO_LIMIT(pickle_nodes, pickle.nodes, count, 1, 1e8, "values in a pickle"),
  PATIO_LIMIT(pickle_memo_entries, pickle.memo_entries, count, 1, 1e8, "memo entries of a pickle"),
  PATIO_LIMIT(pickle_memory_bytes, pickle.memory_bytes, bytes, kib, 64 * gib,
              "estimated memory of a decoded pickle"),
  PATIO_LIMIT(pickle_integer_bytes, pickle.integer_bytes, bytes, 8, mib,
              "size of a binary integer in a pickle"),
  PATIO_LIMIT(pickle_integer_digits, pickle.integer_digits, count, 20, 1e6,
              "decimal digits of an integer in a pickle"),
  PATIO_LIMIT(pickle_compared_bytes, pickle.compared_bytes, bytes, kib, 64 * gib,
              "bytes of keys compared while decoding a pickle"),
  PATIO_LIMIT(pickle_trailing_bytes, pickle.trailing_bytes, bytes, 0, gib,
              "bytes behind the end of a pickle, which are ignored"),
  PATIO_LIMIT(decode_timeout, decode_timeout, seconds, ms, hour,
              "wait of a large request for its decoding"),
  PATIO_LIMIT(queue_per_worker, queue_per_worker, count, 1, 1e6,
              "calls that wait in the pool, per worker"),
  PATIO_LIMIT(high_water_bytes, high_water_bytes, bytes, 1, 64 * gib,
              "bytes unread by a peer above which its requests are refused"),
  PATIO_LIMIT(write_buffer_bytes, write_buffer_bytes, bytes, 1, 64 * gib,
              "bytes unread by a peer above which its connection closes"),
  PATIO_LIMIT(write_stall_timeout, write_stall_timeout, seconds, 10 * ms, hour,
              "time for which a peer may read nothing while bytes wait for it"),
  PATIO_LIMIT(longest_timeout, longest_timeout, seconds, ms, 24 * 365 * hour,
              "finite timeout of a call; a longer one is reduced to this"),
  PATIO_LIMIT(route_timeout, route_timeout, seconds, 0, hour,
              "wait for a peer that serves the name; 0 means no wait"),
  PATIO_LIMIT(drain_timeout, drain_timeout, seconds, 0, hour,
              "wait for unfinished calls at shutdown; 0 means no wait"),
  PATIO_LIMIT(connect_timeout, connect_timeout, seconds, ms, hour,
              "time to establish a TCP connection"),
  PATIO_LIMIT(reconnect_first_delay, reconnect.first_delay, seconds, ms, hour,
              "first delay before dialling again; each failure doubles the delay"),
  PATIO_LIMIT(reconnect_longest_delay, reconnect.longest_delay, seconds, ms, hour,
              "longest delay before dialling again"),
  PATIO_LIMIT(reconnect_refused_delay, reconnect.refused_delay, seconds, ms, hour,
              "shortest delay before dialling again after a refused login"),
  PATIO_LIMIT(probe_interval, probe_interval, seconds, s, 24 * hour,
              "time between two probes of a peer"),
  PATIO_LIMIT(missed_probes, missed_probes, count, 1, 1000,
              "unanswered probes in a row that close a connection"),
  PATIO_LIMIT(failures_to_eject, failures_to_eject, count, 1, 1000,
              "failed calls in a row that eject a peer"),
  PATIO_LIMIT(keepalive_delay, keepalive_delay, seconds, s, 9 * hour,
              "silence of a peer before TCP's first keepalive probe"),
  PATIO_LIMIT(keepalive_interval, keepalive_interval, seconds, s, 9 * hour,
              "time between two keepalive probes"),
  PATIO_LIMIT(keepalive_probes, keepalive_probes, count, 1, 100,
              "unanswered keepalive probes that end a connection"),
  PATIO_LIMIT(unacknowledged_timeout, unacknowledged_timeout, seconds, s, 9 * hour,
              "time for which sent bytes may stay unacknowledged by TCP"),
  PATIO_LIMIT(accept_retry_delay, accept_retry_delay, seconds, 10 * ms, hour,
              "longest delay after a failed accept"),
  PATIO_LIMIT(log_lines, log_lines, count, 1, 1e6,
              "log lines per second, log level and network; ten times as many for all networks"),
};
#undef PATIO_LIMIT

constexpr bool in_order() {
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (static_cast<std::size_t>(rows[i].which) != i + 1) return false;
  return static_cast<std::size_t>(limit::log_lines) == rows.size();
}
static_assert(in_order(),
              "`rows` must have one row for each enumerator of `limit`, in the same order");

const row& row_of(limit which) { return rows[static_cast<std::size_t>(which) - 1]; }

struct suffix {
  std::string_view text;
  double factor;
};
constexpr suffix byte_suffixes[] = {{"GiB", gib}, {"MiB", mib}, {"KiB", kib}, {"B", 1}, {"", 1}};
constexpr suffix time_suffixes[] = {{"ms", ms}, {"min", 60 * s}, {"h", hour}, {"s", s}, {"", s}};
constexpr suffix count_suffixes[] = {{"", 1}};

std::span<const suffix> suffixes(unit in) {
  if (in == unit::bytes) return byte_suffixes;
  if (in == unit::seconds) return time_suffixes;
  return count_suffixes;
}

std::string number(double n) {
  char text[32];
  auto end = std::to_chars(std::begin(text), std::end(text), n, std::chars_format::fixed).ptr;
  return {text, end};
}

std::string shown(unit in, double n) {
  if (in == unit::seconds) return number(n / s) + "s";
  for (const auto& [text, factor] : suffixes(in))
    if (n >= factor && std::fmod(n, factor) == 0)
      return number(n / factor) + (text == "B" ? "" : std::string{text});
  return number(n);
}

std::optional<double> read(std::string_view text, unit in) {
  double n = 0;
  auto [rest, wrong] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (wrong != std::errc{} || !std::isfinite(n)) return {};
  auto tail = text.substr(static_cast<std::size_t>(rest - text.data()));
  for (const auto& [suffix_text, factor] : suffixes(in))
    if (tail == suffix_text) return n * factor;
  return {};
}

tl::unexpected<error> refusal(const row& r, const std::string& given) {
  constexpr std::string_view kinds[] = {"a whole number", "a number of bytes (KiB, MiB, GiB)",
                                        "a number of seconds (ms, min, h)"};
  const auto& reach = r.reach;
  return fail(errc::invalid, std::string{to_string(r.which)} + " takes "
                               + std::string{kinds[static_cast<std::size_t>(reach.in)]} + " from "
                               + shown(reach.in, reach.least) + " to " + shown(reach.in, reach.most)
                               + ", not " + given);
}

/// The name of a limit in patio 0.1, and the limit, which now has another name.
struct renamed {
  std::string_view old_name;
  limit now;
};
constexpr renamed old_names[] = {
  {"handshake", limit::handshake_timeout},
  {"tls_handshake", limit::tls_handshake_bytes},
  {"frame_before_login", limit::login_frame_bytes},
  {"frame", limit::frame_bytes},
  {"skipped_frame", limit::skipped_frame_bytes},
  {"name", limit::name_bytes},
  {"names", limit::names_per_peer},
  {"keywords", limit::keywords_per_call},
  {"pickle_memo", limit::pickle_memo_entries},
  {"pickle_memory", limit::pickle_memory_bytes},
  {"pickle_compared", limit::pickle_compared_bytes},
  {"pickle_trailing", limit::pickle_trailing_bytes},
  {"decode_wait", limit::decode_timeout},
  {"high_water", limit::high_water_bytes},
  {"write_buffer", limit::write_buffer_bytes},
  {"write_stall", limit::write_stall_timeout},
  {"route_wait", limit::route_timeout},
  {"drain", limit::drain_timeout},
  {"reconnect_first", limit::reconnect_first_delay},
  {"reconnect_longest", limit::reconnect_longest_delay},
  {"reconnect_refused", limit::reconnect_refused_delay},
  {"refresh", limit::probe_interval},
  {"missed_refreshes", limit::missed_probes},
  {"failures", limit::failures_to_eject},
  {"keepalive_idle", limit::keepalive_delay},
  {"unacknowledged", limit::unacknowledged_timeout},
  {"accept_pause", limit::accept_retry_delay},
};

tl::unexpected<error> unknown_limit(std::string_view name) {
  auto text = "unknown limit " + quoted(name);
  auto old = std::ranges::find(old_names, name, &renamed::old_name);
  if (old != std::end(old_names)) text += ": it is now named " + quoted(to_string(old->now));
  return fail(errc::invalid, std::move(text));
}

} // namespace

std::span<const limit_row> limit_table() noexcept {
  static const auto table = [] {
    std::array<limit_row, rows.size()> all{};
    std::ranges::transform(rows, all.begin(), [](const row& r) {
      return limit_row{r.which, to_string(r.which), r.meaning};
    });
    return all;
  }();
  return table;
}

std::string limit_value(const limits& all, limit which) {
  const auto& reach = row_of(which).reach;
  return shown(reach.in, reach.get(all));
}

result<void> set_limit(limits& all, std::string_view assignment) {
  auto equals = assignment.find('=');
  if (equals == std::string_view::npos)
    return fail(errc::invalid, "a limit is NAME=VALUE, not " + quoted(assignment));
  auto name = assignment.substr(0, equals);
  auto at = std::ranges::find(rows, name, [](const row& r) { return to_string(r.which); });
  if (at == rows.end()) return unknown_limit(name);
  const auto& reach = at->reach;
  auto wanted = read(assignment.substr(equals + 1), reach.in);
  bool whole = wanted && (reach.in == unit::seconds || *wanted == std::floor(*wanted));
  if (whole && *wanted >= reach.least && *wanted <= reach.most)
    return reach.set(all, *wanted), result<void>{};
  return refusal(*at, quoted(assignment.substr(equals + 1)));
}

result<void> check_limits(const limits& all) {
  for (const auto& r : rows)
    if (auto now = r.reach.get(all); now < r.reach.least) return refusal(r, shown(r.reach.in, now));
  return {};
}

} // namespace patio
