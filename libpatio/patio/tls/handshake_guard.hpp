/// Reads along while a handshake is not yet encrypted, and refuses what OpenSSL would take memory
/// for on a stranger's word: it makes room for a message as soon as its length has come, 128 KiB
/// for a ClientHello. Internal: for tls_*.cpp only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <patio/value/error.hpp>

namespace patio::tls {

/// Of one handshake message, a chain of certificates included.
inline constexpr std::size_t largest_handshake_message = std::size_t{16} << 10;

/// A client's first, of which all is kept for as long as the handshake takes. One with a key of
/// ML-KEM has 2 KiB.
inline constexpr std::size_t largest_client_hello = std::size_t{3} << 10;

class handshake_guard {
public:
  /// In any cut. `tls12`: whether that version has been agreed on, where nothing can be read behind
  /// the change of ciphers.
  [[nodiscard]] result<void> look(std::string_view bytes, bool tls12);

private:
  result<void> look_at_record(std::string_view& bytes, bool tls12);
  result<void> look_at_messages(std::string_view bytes);

  std::string header_;  // of the record, as far as it has come
  std::string message_; // the same of the message's header
  std::size_t record_left_ = 0, message_left_ = 0;
  bool any_record_ = false, encrypted_ = false;
};

} // namespace patio::tls
