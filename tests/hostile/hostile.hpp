/// Shared by the tests against a running node: handwritten payloads, the stages of a login, and
/// checks of the node's answers.
#pragma once

#include <cstdio>
#include <string>

#include "broker_under_attack.hpp"

namespace patio::tests {

using namespace protocol;

/// Options of a node without time limits, so that a closed peer was closed for the bytes that it
/// sent. The log of the node can name hundreds of peers in a second.
[[nodiscard]] inline tcp_options without_deadline() {
  tcp_options options;
  options.limits.handshake_timeout = std::chrono::hours{1};
  options.limits.log_lines = 1000;
  return options;
}

/// Returns the resident memory of this process in bytes.
[[nodiscard]] inline std::size_t resident_bytes() {
  std::size_t pages = 0, resident = 0;
  auto* f = std::fopen("/proc/self/statm", "r");
  REQUIRE(std::fscanf(f, "%zu %zu", &pages, &resident) == 2);
  std::fclose(f);
  return resident * 4096;
}

/// The stage at which a client sends the tested frame.
enum class stage { connected, authenticated, open };

inline void log_in_up_to(stage s, raw_peer& peer) {
  if (s == stage::authenticated) (void)peer.prove();
  if (s == stage::open) peer.log_in_as_client();
}

/// The exception in an ERROR's payload as "ValueError: text".
[[nodiscard]] inline std::string exception_in(const raw_frame& f) {
  if (f.type != packet::error) return "no ERROR";
  auto v = read_pickle(f.payload);
  return v && v->kind() == kind::exception ? to_string(remote_error(*v)) : "no exception";
}

/// Checks that the next request is answered, which shows that the connection is open and its frames
/// are in step.
inline void check_served(raw_peer& peer, std::uint32_t serial = 4711) {
  peer.send(packet::request, serial, request("two"));
  auto answer = peer.receive();
  CHECK(answer.type == packet::response);
  CHECK(answer.serial == serial);
  CHECK(answer.payload == pickle_of(2));
}

/// The payload of a REQUEST. `fields` are the opcodes of its state's items.
[[nodiscard]] inline std::string raw_call(const std::string& fields) {
  return "\x80\x04\x8c\x17patio.broker.tcp.broker\x8c\x0b"
         "CallRequest\x93)\x81}("
         + fields + "ub.";
}
[[nodiscard]] inline std::string raw_text(const std::string& s) {
  return "\x8c" + std::string(1, static_cast<char>(s.size())) + s;
}
/// Each argument has the opcodes of one value.
[[nodiscard]] inline std::string raw_call_fields(const std::string& func = raw_text("two"),
                                                 const std::string& args = ")",
                                                 const std::string& kwargs = "}",
                                                 const std::string& timeout = "N") {
  return raw_text("func") + func + raw_text("args") + args + raw_text("kwargs") + kwargs
         + raw_text("timeout") + timeout;
}

} // namespace patio::tests
