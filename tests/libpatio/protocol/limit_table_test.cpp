#include <patio/protocol/limit_table.hpp>

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>

using patio::limit;
using patio::limit_row;
using patio::limit_value;
using patio::limits;

namespace {

/// Returns "" if the limit has been set, else the error. After an error no limit may have changed.
std::string refusal(limits& all, const std::string& assignment) {
  auto before = all;
  auto set = patio::set_limit(all, assignment);
  if (set) return "";
  CHECK(set.error().code == patio::errc::invalid);
  for (const auto& row : patio::limit_table())
    CHECK(limit_value(all, row.which) == limit_value(before, row.which));
  return set.error().message;
}

std::string refusal(const std::string& assignment) {
  limits all;
  return refusal(all, assignment);
}

std::string assignment(const limit_row& row, const std::string& to) {
  return std::string{row.name} + "=" + to;
}

std::string between(const std::string& text, const std::string& left, const std::string& right) {
  auto begin = text.find(left);
  auto end = text.find(right, begin == std::string::npos ? begin : begin + left.size());
  REQUIRE_MESSAGE(end != std::string::npos, text);
  return text.substr(begin + left.size(), end - begin - left.size());
}

/// Returns the smallest and the largest value of a limit, as an error states them.
std::pair<std::string, std::string> range_of(const limit_row& row) {
  auto text = refusal(assignment(row, "?"));
  return {between(text, " from ", " to "), between(text, " to ", ", not '?'")};
}

/// The default of each limit.
const std::map<std::string_view, std::string_view> promised{
  {"connections", "4096"},
  {"connections_before_login", "128"},
  {"handshake_timeout", "5s"},
  {"tls_handshake_bytes", "24KiB"},
  {"login_frame_bytes", "1KiB"},
  {"frame_bytes", "16MiB"},
  {"skipped_frame_bytes", "64MiB"},
  {"name_bytes", "512"},
  {"names_per_peer", "10000"},
  {"keywords_per_call", "1024"},
  {"inbound_calls", "1000000"},
  {"inbound_bytes", "64MiB"},
  {"node_inbound_bytes", "512MiB"},
  {"outbound_calls", "262144"},
  {"waiting_calls", "262144"},
  {"waiting_bytes", "256MiB"},
  {"unknown_serials", "100"},
  {"pickle_depth", "128"},
  {"pickle_nodes", "1000000"},
  {"pickle_memo_entries", "1000000"},
  {"pickle_memory_bytes", "64MiB"},
  {"pickle_integer_bytes", "8KiB"},
  {"pickle_integer_digits", "4300"},
  {"pickle_compared_bytes", "256MiB"},
  {"pickle_trailing_bytes", "16MiB"},
  {"decode_timeout", "2s"},
  {"queue_per_worker", "1000000"},
  {"high_water_bytes", "4MiB"},
  {"write_buffer_bytes", "64MiB"},
  {"write_stall_timeout", "10s"},
  {"longest_timeout", "86400s"},
  {"route_timeout", "5s"},
  {"drain_timeout", "10s"},
  {"connect_timeout", "5s"},
  {"reconnect_first_delay", "0.1s"},
  {"reconnect_longest_delay", "30s"},
  {"reconnect_refused_delay", "5s"},
  {"probe_interval", "10s"},
  {"missed_probes", "2"},
  {"failures_to_eject", "3"},
  {"keepalive_delay", "15s"},
  {"keepalive_interval", "5s"},
  {"keepalive_probes", "3"},
  {"unacknowledged_timeout", "20s"},
  {"accept_retry_delay", "1s"},
  {"log_lines", "10"},
};

} // namespace

TEST_CASE("limits: each limit has a row with a unique name and a meaning") {
  std::set<std::string_view> names;
  for (const auto& row : patio::limit_table()) {
    CHECK(to_string(row.which) == row.name);
    CHECK_FALSE(row.meaning.empty());
    CHECK(names.insert(row.name).second);
  }
  CHECK(names.size() == static_cast<std::size_t>(limit::log_lines));
  CHECK(to_string(limit::none).empty());
}

TEST_CASE("limits: the defaults are those that the documents promise") {
  CHECK(promised.size() == patio::limit_table().size());
  for (const auto& row : patio::limit_table()) {
    INFO(row.name);
    REQUIRE(promised.contains(row.name));
    CHECK(limit_value(limits{}, row.which) == promised.at(row.name));
  }
}

TEST_CASE("limits: each limit can be set to the smallest and the largest value that an error names "
          "and to its printed default, and no other limit changes") {
  for (const auto& row : patio::limit_table()) {
    INFO(row.name);
    limits all;
    auto usual = limit_value(all, row.which);
    auto [least, most] = range_of(row);
    for (const auto& to : {least, most, usual}) {
      CHECK(refusal(all, assignment(row, to)) == "");
      CHECK(limit_value(all, row.which) == to);
      for (const auto& other : patio::limit_table())
        if (other.which != row.which)
          CHECK(limit_value(all, other.which) == limit_value(limits{}, other.which));
    }
  }
}

TEST_CASE(
  "limits: 0 is refused for a limit that would then allow nothing, and the error has the range") {
  std::set<std::string_view> may_be_none{"route_timeout", "drain_timeout", "pickle_trailing_bytes"};
  for (const auto& row : patio::limit_table()) {
    INFO(row.name);
    auto text = refusal(assignment(row, "0"));
    CHECK(text.empty() == may_be_none.contains(row.name));
    if (!text.empty())
      CHECK(text.ends_with(" from " + range_of(row).first + " to " + range_of(row).second
                           + ", not '0'"));
  }
}

TEST_CASE("limits: any value above the largest is refused") {
  for (const auto& row : patio::limit_table())
    for (const auto* large : {"1e13", "18446744073709551615", "1e300"}) {
      INFO(row.name);
      CHECK(refusal(assignment(row, large))
              .ends_with(" to " + range_of(row).second + ", not '" + large + "'"));
    }
}

TEST_CASE("limits: a value that is not a number of the limit's unit is refused") {
  for (const auto* wrong :
       {"", " ", "x", "-1", "nan", "inf", "5 ", " 5", "+5", "0x10", "5x", "5,0", "1e999"})
    for (const auto& row : patio::limit_table()) {
      INFO(row.name);
      CHECK(refusal(assignment(row, wrong)).find(" takes a") != std::string::npos);
    }
  CHECK(refusal("names_per_peer=5KiB")
        == "names_per_peer takes a whole number from 1 to 1000000, not '5KiB'");
  CHECK(refusal("names_per_peer=5s")
        == "names_per_peer takes a whole number from 1 to 1000000, not '5s'");
  CHECK(refusal("names_per_peer=1.5")
        == "names_per_peer takes a whole number from 1 to 1000000, not '1.5'");
  CHECK(refusal("frame_bytes=5s")
        == "frame_bytes takes a number of bytes (KiB, MiB, GiB) from 128 to 1GiB, not '5s'");
  CHECK(refusal("frame_bytes=5kb")
        == "frame_bytes takes a number of bytes (KiB, MiB, GiB) from 128 to 1GiB, not '5kb'");
  CHECK(refusal("frame_bytes=1000.5")
        == "frame_bytes takes a number of bytes (KiB, MiB, GiB) from 128 to 1GiB, not '1000.5'");
  CHECK(refusal("drain_timeout=1MiB")
        == "drain_timeout takes a number of seconds (ms, min, h) from 0s to 3600s, not '1MiB'");
  CHECK(refusal("drain_timeout=1m")
        == "drain_timeout takes a number of seconds (ms, min, h) from 0s to 3600s, not '1m'");
}

TEST_CASE("limits: an unknown name and a text that is not an assignment are refused") {
  CHECK(refusal("handshakes=5s") == "unknown limit 'handshakes'");
  CHECK(refusal("=5") == "unknown limit ''");
  CHECK(refusal("pickle.depth=5") == "unknown limit 'pickle.depth'");
  CHECK(refusal("handshake") == "a limit is NAME=VALUE, not 'handshake'");
  CHECK(refusal("") == "a limit is NAME=VALUE, not ''");
}

TEST_CASE("limits: an old name is refused, and the error has the new name") {
  CHECK(refusal("handshake=5s")
        == "unknown limit 'handshake': it is now named 'handshake_timeout'");
  CHECK(refusal("frame=1MiB") == "unknown limit 'frame': it is now named 'frame_bytes'");
  CHECK(refusal("drain=1s") == "unknown limit 'drain': it is now named 'drain_timeout'");
  CHECK(refusal("refresh=1s") == "unknown limit 'refresh': it is now named 'probe_interval'");
}

TEST_CASE("limits: the suffix of a name tells the unit of its value") {
  auto ends_with_one_of = [](std::string_view name, std::initializer_list<std::string_view> ends) {
    return std::ranges::any_of(ends, [name](std::string_view end) { return name.ends_with(end); });
  };
  for (const auto& row : patio::limit_table()) {
    INFO(row.name);
    auto unit = refusal(assignment(row, "?"));
    bool is_bytes = unit.find("number of bytes") != std::string::npos;
    bool is_time = unit.find("number of seconds") != std::string::npos;
    CHECK(ends_with_one_of(row.name, {"_bytes"}) == is_bytes);
    CHECK(ends_with_one_of(row.name, {"_timeout", "_interval", "_delay"}) == is_time);
  }
}

TEST_CASE("limits: values are read with their units") {
  limits all;
  auto set = [&all](const char* to) { return refusal(all, to); };
  CHECK(set("frame_bytes=2KiB") == "");
  CHECK(all.frame_bytes == 2048);
  CHECK(set("frame_bytes=1.5KiB") == "");
  CHECK(all.frame_bytes == 1536);
  CHECK(set("frame_bytes=1000B") == "");
  CHECK(all.frame_bytes == 1000);
  CHECK(set("handshake_timeout=250ms") == "");
  CHECK(all.handshake_timeout == std::chrono::milliseconds{250});
  CHECK(set("handshake_timeout=0.5") == "");
  CHECK(all.handshake_timeout == std::chrono::milliseconds{500});
  CHECK(set("longest_timeout=2min") == "");
  CHECK(all.longest_timeout == std::chrono::minutes{2});
  CHECK(set("longest_timeout=2h") == "");
  CHECK(all.longest_timeout == std::chrono::hours{2});
  CHECK(set("pickle_nodes=2e5") == "");
  CHECK(all.pickle.nodes == 200'000);
}

TEST_CASE("limits: values are printed with the unit that people would use") {
  limits all;
  CHECK(limit_value(all, limit::pickle_nodes) == "1000000");
  CHECK(limit_value(all, limit::frame_bytes) == "16MiB");
  CHECK(limit_value(all, limit::login_frame_bytes) == "1KiB");
  CHECK(limit_value(all, limit::handshake_timeout) == "5s");
  CHECK(limit_value(all, limit::reconnect_first_delay) == "0.1s");
  all.frame_bytes = 1025;
  CHECK(limit_value(all, limit::frame_bytes) == "1025");
  all.frame_bytes = std::string::npos;
  CHECK(limit_value(all, limit::frame_bytes).size() > 5);
  all.drain_timeout = {};
  CHECK(limit_value(all, limit::drain_timeout) == "0s");
}
