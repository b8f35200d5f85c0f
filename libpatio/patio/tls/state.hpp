/// The state of one connection, for OpenSSL and for the engine.
#pragma once

#include <optional>

#include <patio/tls/handles.hpp>
#include <patio/tls/handshake_guard.hpp>
#include <patio/tls/message_budget.hpp>
#include <patio/tls/record_reader.hpp>
#include <patio/tls/tls.hpp>
#include <patio/tls/wire.hpp>

namespace patio::tls {

/// The most bytes of a server's handshake. The limit is wide because this side chose to dial.
inline constexpr std::size_t max_dialled_handshake_bytes = std::size_t{64} << 10;

/// A callback for SSL_CTX_set_client_hello_cb, for a context whose engines have an engine::state.
int refuse_long_lists(SSL* ssl, int* alert, void* nothing);

struct engine::state {
  enum class role : std::uint8_t { accepts, connects };
  enum class peer : std::uint8_t { unverified, verified };

  /// The server's certificate must be for `wanted`, which is empty on the accepting side. The
  /// peer's handshake may have at most `max_handshake_bytes` bytes.
  state(SSL_CTX* context, role side, peer trust, std::string wanted,
        std::size_t max_handshake_bytes);
  state(state&&) = delete; // OpenSSL holds pointers into it

  result<void> advance(std::string_view cipher, std::string& plain);
  result<void> shake_hands();
  result<void> become_open();
  result<void> read(std::string& plain);
  tl::unexpected<error> broken(std::string text) const;
  tl::unexpected<error> broken_by_openssl(int returned);

  record_reader records;
  wire_bytes wire;
  ssl_handle ssl;
  handshake_guard guard;
  message_budget budget;
  std::string expected;           // the name that a refused certificate should have had
  std::string refusal;            // why a callback has refused a certificate or a ClientHello
  std::vector<std::string> names; // of the verified peer
  std::optional<error> failure;
  bool verifies, open = false, any_plain = false;
  bool peer_closed = false, closed = false; // a close_notify has come, or was sent
};

} // namespace patio::tls
