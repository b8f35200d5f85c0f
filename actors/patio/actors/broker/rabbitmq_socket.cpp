#include <patio/actors/broker/rabbitmq_socket.hpp>

#include <exception>
#include <new>
#include <utility>

namespace patio {

rabbitmq_socket::rabbitmq_socket(caf::io::broker* self, unique_fd fd,
                                 const net::stream_options& options,
                                 std::unique_ptr<tls::engine> tls)
    : stream_{self, std::move(fd), options}, tls_{std::move(tls)} {
  if (tls_) (void)write_cipher();
}

result<std::string_view> rabbitmq_socket::received(caf::io::new_data_msg& message) {
  auto bytes = stream_.received(message);
  if (!tls_) return bytes;
  plain_.clear();
  auto decrypted = tls_->receive(bytes, plain_);
  if (tls_->is_open() && !waiting_.empty()) {
    tls_->send(waiting_);
    wipe(waiting_);
  }
  (void)write_cipher();
  if (!decrypted) return tl::unexpected(std::move(decrypted.error()));
  return std::string_view{plain_};
}

net::backlog_change rabbitmq_socket::write(std::string_view plain) {
  if (!stream_.is_open()) return {};
  if (tls_) {
    if (!tls_->is_open()) {
      waiting_ += plain;
      return {};
    }
    tls_->send(plain);
    return write_cipher();
  }
  auto [accepted, change] = stream_.write(plain);
  if (accepted < plain.size()) throw std::bad_alloc{};
  return change;
}

net::backlog_change rabbitmq_socket::write_cipher() {
  auto cipher = std::exchange(tls_->output(), {});
  if (cipher.empty() || !stream_.is_open()) return {};
  auto [accepted, change] = stream_.write(cipher);
  if (accepted < cipher.size()) throw std::bad_alloc{};
  return change;
}

// If there is no memory for the last bytes, the connection ends without them.
void rabbitmq_socket::end(std::string_view last_plain) noexcept {
  try {
    if (!last_plain.empty() && (!tls_ || tls_->is_open())) (void)write(last_plain);
    if (tls_) {
      tls_->close();
      (void)write_cipher();
    }
  } catch (const std::exception&) {}
  if (stream_.backlog_bytes() > 0) stream_.abort();
  else stream_.hang_up();
}

std::optional<error> rabbitmq_socket::why_closed() const {
  if (!tls_ || tls_->is_open()) return {};
  return error{errc::login_refused,
               "the server closed the connection during the TLS handshake: does this port speak "
               "TLS (amqps)?",
               {},
               limit::none,
               {},
               {},
               remedy::tls};
}

} // namespace patio
