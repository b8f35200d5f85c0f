#include <patio/tls/handshake_guard.hpp>

#include <algorithm>

#include <patio/base/printable.hpp>
#include <patio/tls/tls.hpp>

namespace patio::tls {
namespace {

constexpr std::size_t record_header = 5, message_header = 4;
constexpr char change_of_ciphers = 20, alert = 21, handshake = 22, encrypted_data = 23;
constexpr char client_hello = 1;

/// Moves bytes over until `to` has `size`; whether it has.
bool gather(std::string& to, std::size_t size, std::string_view& from) {
  auto count = std::min(size - to.size(), from.size());
  to += from.substr(0, count);
  from.remove_prefix(count);
  return to.size() == size;
}

std::size_t big_endian(std::string_view bytes) {
  std::size_t number = 0;
  for (auto b : bytes) number = number << 8 | static_cast<unsigned char>(b);
  return number;
}

tl::unexpected<error> not_tls(std::string_view first_bytes) {
  std::string text = "the peer does not speak TLS: it sent";
  for (auto b : first_bytes) text += ' ', append_hex(text, static_cast<unsigned char>(b), 2);
  return fail(errc::login_refused, std::move(text));
}

} // namespace

bool looks_like_tls(std::string_view first_bytes) noexcept {
  if (first_bytes.empty() || (first_bytes[0] != handshake && first_bytes[0] != alert)) return false;
  return first_bytes.size() == 1 || first_bytes[1] == 3;
}

result<void> handshake_guard::look(std::string_view bytes, bool tls12) {
  while (!bytes.empty() && !encrypted_) {
    if (record_left_ == 0) {
      if (auto ok = look_at_record(bytes, tls12); !ok) return ok;
      continue;
    }
    auto part = bytes.substr(0, record_left_);
    if (header_[0] == handshake)
      if (auto ok = look_at_messages(part); !ok) return ok;
    bytes.remove_prefix(part.size());
    record_left_ -= part.size();
    if (record_left_ == 0) header_.clear();
  }
  return {};
}

result<void> handshake_guard::look_at_record(std::string_view& bytes, bool tls12) {
  bool complete = gather(header_, record_header, bytes);
  if (!any_record_ && !looks_like_tls(header_)) return not_tls(header_);
  if (!complete) return {};
  any_record_ = true;
  encrypted_ = header_[0] == encrypted_data || (header_[0] == change_of_ciphers && tls12);
  record_left_ = big_endian(std::string_view{header_}.substr(3));
  if (record_left_ == 0) header_.clear();
  return {};
}

result<void> handshake_guard::look_at_messages(std::string_view bytes) {
  while (!bytes.empty()) {
    auto skipped = std::min(message_left_, bytes.size());
    message_left_ -= skipped;
    bytes.remove_prefix(skipped);
    if (bytes.empty() || !gather(message_, message_header, bytes)) return {};
    message_left_ = big_endian(std::string_view{message_}.substr(1));
    auto most = message_[0] == client_hello ? largest_client_hello : largest_handshake_message;
    message_.clear();
    if (message_left_ > most)
      return fail(errc::login_refused, "a message of the TLS handshake has "
                                         + std::to_string(message_left_) + " bytes, more than the "
                                         + std::to_string(most) + " that are taken");
  }
  return {};
}

} // namespace patio::tls
