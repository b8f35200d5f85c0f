#include <patio/tls/handshake_guard.hpp>

#include <algorithm>

#include <patio/base/printable.hpp>

namespace patio::tls {
namespace {

constexpr std::size_t record_header_size = 5, message_header_size = 4;
constexpr char change_cipher_spec = 20, alert = 21, handshake = 22, encrypted_data = 23;
constexpr char client_hello = 1;

/// Moves bytes from `from` to `header` until `header` has `size` bytes. Returns true if `header`
/// has `size` bytes.
bool gather(std::string& header, std::size_t size, std::string_view& from) {
  auto count = std::min(size - header.size(), from.size());
  header += from.substr(0, count);
  from.remove_prefix(count);
  return header.size() == size;
}

std::size_t big_endian(std::string_view bytes) {
  std::size_t number = 0;
  for (auto b : bytes) number = number << 8 | static_cast<unsigned char>(b);
  return number;
}

bool looks_like_tls(std::string_view first_bytes) {
  if (first_bytes.empty() || (first_bytes[0] != handshake && first_bytes[0] != alert)) return false;
  return first_bytes.size() == 1 || first_bytes[1] == 3;
}

tl::unexpected<error> not_tls(std::string_view first_bytes) {
  std::string text = "the peer does not speak TLS: it sent";
  for (auto b : first_bytes) {
    text += ' ';
    append_hex(text, static_cast<unsigned char>(b), 2);
  }
  return fail(errc::login_refused, remedy::tls, std::move(text));
}

/// `bytes` is 0 if only OpenSSL has seen the size.
std::string too_long_text(std::size_t bytes, std::size_t max) {
  auto size = bytes > 0 ? std::to_string(bytes) + " bytes, and at most " + std::to_string(max)
                            + " are accepted"
                        : "more than " + std::to_string(max) + " bytes";
  return "a message of the peer's TLS handshake, such as its certificates, has " + size;
}

} // namespace

result<void> handshake_guard::check(std::string_view bytes, bool tls12) {
  auto permitted = bytes.substr(0, max_.handshake - bytes_);
  bytes_ += permitted.size();
  auto ok = check_records(permitted, tls12);
  if (!ok || permitted.size() == bytes.size()) return ok;
  auto why = fail(errc::login_refused, max_.exceeded,
                  "the peer's TLS handshake, with its certificates, has more than "
                    + std::to_string(max_.handshake) + " bytes");
  why.value().remedy = remedy::certificates;
  return why;
}

result<void> handshake_guard::check_records(std::string_view bytes, bool tls12) {
  while (!bytes.empty() && !encrypted_) {
    if (record_left_ == 0) {
      if (auto ok = begin_record(bytes, tls12); !ok) return ok;
      continue;
    }
    auto part = bytes.substr(0, record_left_);
    if (record_header_[0] == handshake)
      if (auto ok = check_messages(part); !ok) return ok;
    bytes.remove_prefix(part.size());
    record_left_ -= part.size();
    if (record_left_ == 0) record_header_.clear();
  }
  return {};
}

result<void> handshake_guard::begin_record(std::string_view& bytes, bool tls12) {
  bool complete = gather(record_header_, record_header_size, bytes);
  if (!any_record_ && !looks_like_tls(record_header_)) return not_tls(record_header_);
  if (!complete) return {};
  any_record_ = true;
  auto kind = record_header_[0];
  encrypted_ = kind == encrypted_data || (kind == change_cipher_spec && tls12);
  record_left_ = big_endian(std::string_view{record_header_}.substr(3));
  if (record_left_ == 0) record_header_.clear();
  return {};
}

result<void> handshake_guard::check_messages(std::string_view bytes) {
  while (!bytes.empty()) {
    auto skipped = std::min(message_left_, bytes.size());
    message_left_ -= skipped;
    bytes.remove_prefix(skipped);
    if (bytes.empty() || !gather(message_header_, message_header_size, bytes)) return {};
    message_left_ = big_endian(std::string_view{message_header_}.substr(1));
    bool is_hello = message_header_[0] == client_hello;
    message_header_.clear();
    if (is_hello && message_left_ > largest_client_hello)
      return fail(errc::login_refused, remedy::tls,
                  too_long_text(message_left_, largest_client_hello));
    if (message_left_ > max_.message) return message_too_long(message_left_);
  }
  return {};
}

tl::unexpected<error> handshake_guard::message_too_long(std::size_t bytes) const {
  auto why = fail(errc::login_refused, max_.exceeded, too_long_text(bytes, max_.message));
  why.value().remedy = remedy::certificates;
  return why;
}

} // namespace patio::tls
