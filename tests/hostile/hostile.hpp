/// Words that the hostile tests share: payloads by hand, and what comes back for them.
#pragma once

#include <cstdio>
#include <string>

#include "broker_under_attack.hpp"

namespace patio::tests {

using namespace protocol;

/// So that whoever is closed is closed for what it did, and not for its time; and is named in the
/// log, though hundreds are within a second.
[[nodiscard]] inline tcp_options patient() {
  tcp_options options;
  options.limits.handshake_timeout = std::chrono::hours{1};
  options.limits.log_lines = 1000;
  return options;
}

/// What this process has in memory.
[[nodiscard]] inline std::size_t resident_bytes() {
  std::size_t pages = 0, resident = 0;
  auto* f = std::fopen("/proc/self/statm", "r");
  REQUIRE(std::fscanf(f, "%zu %zu", &pages, &resident) == 2);
  std::fclose(f);
  return resident * 4096;
}

/// "ValueError: text" of an ERROR's payload.
[[nodiscard]] inline std::string raised_by(const raw_frame& f) {
  if (f.type != packet::error) return "no ERROR";
  auto v = read_pickle(f.payload);
  return v && v->kind() == kind::exception ? to_string(remote_error(*v)) : "no exception";
}

/// The next request is served: the connection lives, and its frames are in step.
inline void check_served(raw_peer& peer, std::uint32_t serial = 4711) {
  peer.send(packet::request, serial, request("two"));
  auto answer = peer.receive();
  CHECK(answer.type == packet::response);
  CHECK(answer.serial == serial);
  CHECK(answer.payload == pickle_of(2));
}

/// A REQUEST's payload whose fields are opcodes by hand.
[[nodiscard]] inline std::string call_by_hand(const std::string& fields) {
  return "\x80\x04\x8c\x17patio.broker.tcp.broker\x8c\x0b"
         "CallRequest\x93)\x81}("
         + fields + "ub.";
}
[[nodiscard]] inline std::string text_by_hand(const std::string& s) {
  return "\x8c" + std::string(1, static_cast<char>(s.size())) + s;
}
[[nodiscard]] inline std::string call_fields(const std::string& func = text_by_hand("two"),
                                             const std::string& args = ")",
                                             const std::string& kwargs = "}",
                                             const std::string& timeout = "N") {
  return text_by_hand("func") + func + text_by_hand("args") + args + text_by_hand("kwargs") + kwargs
         + text_by_hand("timeout") + timeout;
}

} // namespace patio::tests
