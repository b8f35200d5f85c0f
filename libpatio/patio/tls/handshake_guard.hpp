/// Checks the unencrypted part of a peer's handshake before OpenSSL sees it. OpenSSL allocates the
/// whole message as soon as it has read the message's length: up to 128 KiB for a ClientHello.
/// Without the guard, an unauthenticated peer could take that memory just by announcing a length.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio::tls {

/// The maximum size of a handshake message, such as a certificate chain, in bytes.
inline constexpr std::size_t largest_handshake_message = std::size_t{16} << 10;

/// The maximum size of a ClientHello, in bytes. OpenSSL keeps the ClientHello until the handshake
/// ends. A ClientHello with an ML-KEM key has 2 KiB.
inline constexpr std::size_t largest_client_hello = std::size_t{3} << 10;

class handshake_guard {
public:
  /// The whole handshake may have at most `max_bytes` bytes. An error names this limit as
  /// `exceeded`.
  handshake_guard(std::size_t max_bytes, limit exceeded) noexcept
      : max_bytes_{max_bytes}, exceeded_{exceeded} {}

  /// Checks the next bytes of the handshake, in pieces of any size. `tls12` is true if both sides
  /// have agreed on TLS 1.2. In TLS 1.2 everything after ChangeCipherSpec is encrypted.
  [[nodiscard]] result<void> check(std::string_view bytes, bool tls12);

private:
  result<void> check_records(std::string_view bytes, bool tls12);
  result<void> begin_record(std::string_view& bytes, bool tls12);
  result<void> check_messages(std::string_view bytes);

  std::size_t bytes_ = 0, max_bytes_;
  limit exceeded_;
  std::string record_header_, message_header_; // the part that has arrived
  std::size_t record_left_ = 0, message_left_ = 0;
  bool any_record_ = false, encrypted_ = false;
};

} // namespace patio::tls
