/// Nodes with TLS, for the tests of TCP brokers.
#pragma once

#include "broker_under_attack.hpp"
#include "credentials.hpp"

namespace patio::tests {

/// The certificates of a test program, which are made once.
inline const credentials& certs() {
  static const credentials made;
  return made;
}

inline registry functions() {
  registry rpc;
  rpc.add("two", [] { return 2; });
  rpc.add("echo", [](value v) { return v; });
  rpc.add("big",
          [](std::int64_t bytes) { return std::string(static_cast<std::size_t>(bytes), 'x'); });
  return rpc;
}

inline tcp_options options_with(tls_options tls) { return {.tls = std::move(tls)}; }

inline tcp_options options_within(std::chrono::nanoseconds handshake_timeout,
                                  std::optional<tls_options> tls) {
  tcp_options options{.tls = std::move(tls)};
  options.limits.handshake_timeout = handshake_timeout;
  return options;
}

/// Returns the error of a dial that must fail.
inline error refusal(tcp_node& client, const endpoint& to) {
  auto login =
    ended(patio::connect(client.broker(), to, {.gives_up = patio::give_up::at_first_failure}));
  REQUIRE_FALSE(login);
  return login.error();
}

/// Checks that the node can call its peer.
inline void check_calls(tcp_node& node) {
  CHECK(ended(call<std::int64_t>(node.broker(), "two")) == 2);
}

/// Returns the dialling side's engine, for a raw_peer.
inline std::unique_ptr<tls::engine> dialling(const tls_options& options) {
  return tls::context::make(options).value().connect("127.0.0.1").value();
}

} // namespace patio::tests
