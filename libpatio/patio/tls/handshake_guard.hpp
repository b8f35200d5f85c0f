/// Checks the unencrypted part of a peer's handshake before OpenSSL sees it. OpenSSL allocates the
/// whole message as soon as it has read the message's length: up to 128 KiB for a ClientHello.
/// Without the guard, an unauthenticated peer could take that memory just by announcing a length.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio::tls {

/// The maximum size of a message in a server's handshake, such as a certificate chain, in bytes.
/// Real chains have up to 16 KiB.
inline constexpr std::size_t largest_server_message = std::size_t{24} << 10;

/// The maximum size of a ClientHello, in bytes. OpenSSL keeps the ClientHello until the handshake
/// ends. A ClientHello with an ML-KEM key has 2 KiB.
inline constexpr std::size_t largest_client_hello = std::size_t{3} << 10;

class handshake_guard {
public:
  struct bounds {
    std::size_t handshake; ///< bytes of the whole handshake
    std::size_t message;   ///< bytes of one message; a ClientHello has a smaller bound
    limit exceeded;        ///< names the bounds in the error
  };
  explicit handshake_guard(bounds max) noexcept : max_{max} {}

  [[nodiscard]] std::size_t max_message() const noexcept { return max_.message; }
  /// True once the peer has sent the header of a TLS record.
  [[nodiscard]] bool speaks_tls() const noexcept { return any_record_; }
  /// Returns the error for a message over its bound.
  [[nodiscard]] tl::unexpected<error> message_too_long(std::size_t bytes = 0) const;

  /// Checks the next bytes of the handshake, in pieces of any size. `tls12` is true if both sides
  /// have agreed on TLS 1.2. In TLS 1.2 everything after ChangeCipherSpec is encrypted.
  [[nodiscard]] result<void> check(std::string_view bytes, bool tls12);

private:
  result<void> check_records(std::string_view bytes, bool tls12);
  result<void> begin_record(std::string_view& bytes, bool tls12);
  result<void> check_messages(std::string_view bytes);

  bounds max_;
  std::size_t bytes_ = 0;
  std::string record_header_, message_header_; // the part that has arrived
  std::size_t record_left_ = 0, message_left_ = 0;
  bool any_record_ = false, encrypted_ = false;
};

} // namespace patio::tls
