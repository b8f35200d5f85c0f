/// One connection as OpenSSL and the engine keep it. Internal: for tls_*.cpp only.
#pragma once

#include <optional>

#include <patio/tls.hpp>
#include <patio/tls_handles.hpp>
#include <patio/tls_hello_guard.hpp>
#include <patio/tls_wire.hpp>

namespace patio {

struct tls_engine::state {
  enum class role : std::uint8_t { accepts, connects };
  enum class peer : std::uint8_t { unverified, verified };

  /// `wanted` is what a server's certificate must be for; empty for the accepting side.
  state(SSL_CTX* context, role side, peer trust, std::string wanted);
  state(state&&) = delete; // OpenSSL holds pointers into it

  result<void> advance(std::string_view cipher, std::string& plain);
  result<void> shake_hands(std::string_view cipher);
  result<void> become_open();
  result<void> read(std::string& plain);
  result<void> check_peer_behaves();
  tl::unexpected<error> broken(std::string text) const;
  tl::unexpected<error> broken_by_openssl(int returned);

  tls_wire wire;
  ssl_handle ssl;
  tls_hello_guard guard;
  std::string expected;           // what a refused certificate should have been for
  std::string refusal;            // why a certificate was refused, once it was
  std::vector<std::string> names; // of the verified peer
  std::optional<error> failure;
  std::size_t handshake_bytes = 0;    // received until it was open
  std::size_t messages = 0, data = 0; // of the handshake kind since then, and plain bytes, both from 0 again after enough of these
  bool verifies, open = false, any_plain = false, peer_closed = false, closed = false, renegotiates = false;
};

} // namespace patio
