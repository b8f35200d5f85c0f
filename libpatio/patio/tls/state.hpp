/// One connection as OpenSSL and the engine keep it. Internal: for tls_*.cpp only.
#pragma once

#include <optional>

#include <patio/tls/handles.hpp>
#include <patio/tls/handshake_guard.hpp>
#include <patio/tls/record_reader.hpp>
#include <patio/tls/tls.hpp>
#include <patio/tls/wire.hpp>

namespace patio::tls {

/// Bytes, of a server that somebody chose to dial.
inline constexpr std::size_t most_dialled_handshake = std::size_t{64} << 10;

/// For SSL_CTX_set_client_hello_cb, on a context whose engines have a `tls_engine::state`.
int refuse_long_lists(SSL* ssl, int* alert, void* nothing);

struct engine::state {
  enum class role : std::uint8_t { accepts, connects };
  enum class peer : std::uint8_t { unverified, verified };

  /// `wanted` is what a server's certificate must be for; empty for the accepting side. `most` is
  /// for the bytes of the peer's handshake.
  state(SSL_CTX* context, role side, peer trust, std::string wanted, std::size_t most);
  state(state&&) = delete; // OpenSSL holds pointers into it

  result<void> advance(std::string_view cipher, std::string& plain);
  result<void> look_at_handshake(std::string_view arrived);
  result<void> shake_hands();
  result<void> become_open();
  result<void> read(std::string& plain);
  result<void> check_peer_behaves();
  tl::unexpected<error> broken(std::string text) const;
  tl::unexpected<error> broken_by_openssl(int returned);

  tls_record_reader records;
  tls_wire wire;
  ssl_handle ssl;
  handshake_guard guard;
  std::string expected;           // what a refused certificate should have been for
  std::string refusal;            // why a certificate, or a ClientHello, was refused
  std::vector<std::string> names; // of the verified peer
  std::optional<error> failure;
  std::size_t handshake_bytes = 0, most_handshake_bytes; // received until it was open
  std::size_t messages = 0, data = 0; // of the handshake kind since then, and plain bytes, both
                                      // from 0 again after enough of these
  bool verifies, open = false, any_plain = false, peer_closed = false, closed = false,
                 renegotiates = false;
};

} // namespace patio::tls
