#include <patio/limit_table.hpp>

#include <doctest/doctest.h>

#include <map>
#include <set>

using patio::limit;
using patio::limit_row;
using patio::limit_value;
using patio::limits;

namespace {

/// "" if it has been set, else why not; then nothing may have changed.
std::string refusal(limits& all, const std::string& assignment) {
  auto before = all;
  auto set = patio::set_limit(all, assignment);
  if (set) return "";
  CHECK(set.error().code == patio::errc::invalid);
  for (const auto& row : patio::limit_table()) CHECK(limit_value(all, row.which) == limit_value(before, row.which));
  return set.error().message;
}

std::string refusal(const std::string& assignment) {
  limits all;
  return refusal(all, assignment);
}

std::string assignment(const limit_row& row, const std::string& to) { return std::string{row.name} + "=" + to; }

std::string between(const std::string& text, const std::string& left, const std::string& right) {
  auto begin = text.find(left);
  auto end = text.find(right, begin == std::string::npos ? begin : begin + left.size());
  REQUIRE_MESSAGE(end != std::string::npos, text);
  return text.substr(begin + left.size(), end - begin - left.size());
}

/// The least and the most that a limit can be, as a refusal says them.
std::pair<std::string, std::string> range_of(const limit_row& row) {
  auto text = refusal(assignment(row, "?"));
  return {between(text, " from ", " to "), between(text, " to ", ", not '?'")};
}

} // namespace

TEST_CASE("limits: each has a row with its own name and a meaning") {
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
  const std::map<std::string_view, std::string_view> promised{
    {"connections", "4096"},
    {"connections_before_login", "128"},
    {"handshake", "5s"},
    {"tls_handshake", "8KiB"},
    {"frame_before_login", "1KiB"},
    {"frame", "16MiB"},
    {"skipped_frame", "64MiB"},
    {"name", "512"},
    {"names", "10000"},
    {"keywords", "1024"},
    {"inbound_calls", "1024"},
    {"inbound_bytes", "64MiB"},
    {"node_inbound_bytes", "512MiB"},
    {"outbound_calls", "16384"},
    {"waiting_calls", "262144"},
    {"unknown_serials", "100"},
    {"pickle_depth", "128"},
    {"pickle_nodes", "1000000"},
    {"pickle_memo", "1000000"},
    {"pickle_memory", "64MiB"},
    {"pickle_integer_bytes", "8KiB"},
    {"pickle_integer_digits", "4300"},
    {"pickle_compared", "256MiB"},
    {"pickle_trailing", "16MiB"},
    {"decode_wait", "2s"},
    {"queue_per_worker", "64"},
    {"high_water", "4MiB"},
    {"write_buffer", "64MiB"},
    {"write_stall", "10s"},
    {"longest_timeout", "86400s"},
    {"route_wait", "5s"},
    {"drain", "10s"},
    {"connect_timeout", "5s"},
    {"reconnect_first", "0.1s"},
    {"reconnect_longest", "30s"},
    {"reconnect_refused", "5s"},
    {"refresh", "10s"},
    {"missed_refreshes", "2"},
    {"failures", "3"},
    {"keepalive_idle", "15s"},
    {"keepalive_interval", "5s"},
    {"keepalive_probes", "3"},
    {"unacknowledged", "20s"},
    {"accept_pause", "1s"},
    {"log_lines", "10"},
  };
  CHECK(promised.size() == patio::limit_table().size());
  for (const auto& row : patio::limit_table()) {
    INFO(row.name);
    REQUIRE(promised.contains(row.name));
    CHECK(limit_value(limits{}, row.which) == promised.at(row.name));
  }
}

TEST_CASE("limits: each can be set to the least and the most that a refusal names, and back to its printed default, and no other changes") {
  for (const auto& row : patio::limit_table()) {
    INFO(row.name);
    limits all;
    auto usual = limit_value(all, row.which);
    auto [least, most] = range_of(row);
    for (const auto& to : {least, most, usual}) {
      CHECK(refusal(all, assignment(row, to)) == "");
      CHECK(limit_value(all, row.which) == to);
      for (const auto& other : patio::limit_table())
        if (other.which != row.which) CHECK(limit_value(all, other.which) == limit_value(limits{}, other.which));
    }
  }
}

TEST_CASE("limits: 0 is refused where it would allow nothing, with a text that says what would be right") {
  std::set<std::string_view> may_be_none{"route_wait", "drain", "pickle_trailing"};
  for (const auto& row : patio::limit_table()) {
    INFO(row.name);
    auto text = refusal(assignment(row, "0"));
    CHECK(text.empty() == may_be_none.contains(row.name));
    if (!text.empty()) CHECK(text.ends_with(" from " + range_of(row).first + " to " + range_of(row).second + ", not '0'"));
  }
}

TEST_CASE("limits: what is above the most is refused, however large") {
  for (const auto& row : patio::limit_table())
    for (const auto* large : {"1e13", "18446744073709551615", "1e300"}) {
      INFO(row.name);
      CHECK(refusal(assignment(row, large)).ends_with(" to " + range_of(row).second + ", not '" + large + "'"));
    }
}

TEST_CASE("limits: what is no number of the limit's unit is refused") {
  for (const auto* wrong : {"", " ", "x", "-1", "nan", "inf", "5 ", " 5", "+5", "0x10", "5x", "5,0", "1e999"})
    for (const auto& row : patio::limit_table()) {
      INFO(row.name);
      CHECK(refusal(assignment(row, wrong)).find(" takes a") != std::string::npos);
    }
  CHECK(refusal("names=5KiB") == "names takes a whole number from 1 to 1000000, not '5KiB'");
  CHECK(refusal("names=5s") == "names takes a whole number from 1 to 1000000, not '5s'");
  CHECK(refusal("names=1.5") == "names takes a whole number from 1 to 1000000, not '1.5'");
  CHECK(refusal("frame=5s") == "frame takes a number of bytes (KiB, MiB, GiB) from 128 to 1GiB, not '5s'");
  CHECK(refusal("frame=5kb") == "frame takes a number of bytes (KiB, MiB, GiB) from 128 to 1GiB, not '5kb'");
  CHECK(refusal("frame=1000.5") == "frame takes a number of bytes (KiB, MiB, GiB) from 128 to 1GiB, not '1000.5'");
  CHECK(refusal("drain=1MiB") == "drain takes a number of seconds (ms, min, h) from 0s to 3600s, not '1MiB'");
  CHECK(refusal("drain=1m") == "drain takes a number of seconds (ms, min, h) from 0s to 3600s, not '1m'");
}

TEST_CASE("limits: an unknown name and what is no assignment are refused") {
  CHECK(refusal("handshakes=5s") == "there is no limit 'handshakes'");
  CHECK(refusal("=5") == "there is no limit ''");
  CHECK(refusal("pickle.depth=5") == "there is no limit 'pickle.depth'");
  CHECK(refusal("handshake") == "a limit is NAME=VALUE, not 'handshake'");
  CHECK(refusal("") == "a limit is NAME=VALUE, not ''");
}

TEST_CASE("limits: units") {
  limits all;
  auto set = [&all](const char* to) { return refusal(all, to); };
  CHECK(set("frame=2KiB") == "");
  CHECK(all.frame == 2048);
  CHECK(set("frame=1.5KiB") == "");
  CHECK(all.frame == 1536);
  CHECK(set("frame=1000B") == "");
  CHECK(all.frame == 1000);
  CHECK(set("handshake=250ms") == "");
  CHECK(all.handshake == std::chrono::milliseconds{250});
  CHECK(set("handshake=0.5") == "");
  CHECK(all.handshake == std::chrono::milliseconds{500});
  CHECK(set("longest_timeout=2min") == "");
  CHECK(all.longest_timeout == std::chrono::minutes{2});
  CHECK(set("longest_timeout=2h") == "");
  CHECK(all.longest_timeout == std::chrono::hours{2});
  CHECK(set("pickle_nodes=2e5") == "");
  CHECK(all.pickle.nodes == 200'000);
}

TEST_CASE("limits: values are printed as people write them") {
  limits all;
  CHECK(limit_value(all, limit::pickle_nodes) == "1000000");
  CHECK(limit_value(all, limit::frame) == "16MiB");
  CHECK(limit_value(all, limit::frame_before_login) == "1KiB");
  CHECK(limit_value(all, limit::handshake) == "5s");
  CHECK(limit_value(all, limit::reconnect_first) == "0.1s");
  all.frame = 1025;
  CHECK(limit_value(all, limit::frame) == "1025");
  all.frame = std::string::npos;
  CHECK(limit_value(all, limit::frame).size() > 5);
  all.drain = {};
  CHECK(limit_value(all, limit::drain) == "0s");
}
