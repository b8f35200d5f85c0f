/// The state of one connection, which the engine and OpenSSL's callbacks use.
#pragma once

#include <optional>

#include <patio/tls/handles.hpp>
#include <patio/tls/handshake_guard.hpp>
#include <patio/tls/message_budget.hpp>
#include <patio/tls/record_reader.hpp>
#include <patio/tls/tls.hpp>
#include <patio/tls/wire.hpp>

namespace patio::tls {

/// The maximum size of a server's handshake, in bytes. The limit is high, because this side chose
/// the server.
inline constexpr std::size_t max_dialled_handshake_bytes = std::size_t{64} << 10;

/// A callback for SSL_CTX_set_client_hello_cb. Each SSL of the context must belong to an
/// engine::state.
int refuse_long_lists(SSL* ssl, int* alert, void* nothing);

struct engine::state {
  enum class role : std::uint8_t { accepts, connects };
  enum class peer : std::uint8_t { unverified, verified };

  /// `wanted` is the name that the server's certificate must have. It is empty on the accepting
  /// side. The peer's handshake may have at most `max_handshake_bytes` bytes.
  state(SSL_CTX* context, role side, peer trust, std::string wanted,
        std::size_t max_handshake_bytes);
  state(state&&) = delete; // OpenSSL holds pointers into the state

  result<void> advance(std::string_view cipher, std::string& plain);
  result<void> shake_hands();
  result<void> become_open();
  result<void> read(std::string& plain);
  result<void> alerted(result<void> refused);
  tl::unexpected<error> broken(std::string text, remedy mend = remedy::tls) const;
  tl::unexpected<error> broken_by_openssl(int returned);

  record_reader records;
  wire_bytes wire;
  ssl_handle ssl;
  handshake_guard guard;
  message_budget budget;
  std::string expected; // the name that the peer's certificate must have, for errors
  // The reason why a callback refused a certificate or a ClientHello.
  std::string refusal;
  std::vector<std::string> names; // the names of the verified peer
  std::optional<error> failure;
  bool verifies, open = false, any_plain = false;
  bool peer_closed = false, closed = false; // close_notify was received; close_notify was sent
};

} // namespace patio::tls
