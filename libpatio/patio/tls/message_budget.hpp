/// Limits the handshake messages that a peer may send on an open connection.
///
/// A key update costs the receiver far more than the sender. A peer may therefore update its keys
/// often only if it also sends data. Each key update counts twice, as a record and as a message, so
/// neither empty records nor many messages in one record are cheaper.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <string_view>

namespace patio::tls {

class message_budget {
public:
  /// Counts one report of SSL_set_msg_callback: a record's header, a record's content type or a
  /// message. `is_handshake` is true if the first byte of the report is the type of a handshake
  /// record.
  void count(int kind, bool is_handshake) noexcept {
    if (kind == SSL3_RT_HEADER && is_handshake) renegotiates_ = true;
    if (kind == SSL3_RT_HANDSHAKE || (kind == SSL3_RT_INNER_CONTENT_TYPE && is_handshake))
      ++messages_;
  }

  /// Adds plain bytes. Enough plain bytes restore the budget.
  void add_data(std::size_t bytes) noexcept {
    data_ += bytes;
    if (data_ < data_that_restores) return;
    data_ = 0;
    messages_ = 0;
  }

  /// Returns the violation by the peer as text, or an empty text.
  [[nodiscard]] std::string_view violation() const noexcept {
    if (renegotiates_) return "the peer asks to renegotiate, and renegotiation is off";
    if (messages_ > max_messages)
      return "the peer changes its TLS keys again and again without sending data";
    return {};
  }

private:
  static constexpr std::size_t max_messages = 512;
  static constexpr std::size_t data_that_restores = std::size_t{64} << 10;

  std::size_t messages_ = 0; // records and messages of the handshake kind
  std::size_t data_ = 0;     // plain bytes since the budget was restored
  bool renegotiates_ = false;
};

} // namespace patio::tls
