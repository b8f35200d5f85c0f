/// The socket to a RabbitMQ server, with or without TLS: moves plain bytes between CAF and a state
/// machine. A rabbitmq_broker_state owns it. It runs on CAF's I/O thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <patio/actors/net/stream.hpp>
#include <patio/tls/tls.hpp>

namespace patio {

class rabbitmq_socket {
public:
  /// `tls` is null for a connection without TLS.
  rabbitmq_socket(caf::io::broker* self, unique_fd fd, const net::stream_options& options,
                  std::unique_ptr<tls::engine> tls);

  [[nodiscard]] net::stream& stream() noexcept { return stream_; }
  /// Returns the plain bytes of a message. They are valid until the next call.
  [[nodiscard]] result<std::string_view> received(caf::io::new_data_msg& message);
  /// Sends plain bytes, at once or after the TLS handshake. Throws std::bad_alloc if there is no
  /// memory for them; the socket is useless then.
  net::backlog_change write(std::string_view plain);
  /// Sends the last bytes and hangs up.
  void end(std::string_view last_plain) noexcept;
  /// The reason why the socket has closed, if the state machine cannot know.
  [[nodiscard]] std::optional<error> why_closed() const;

private:
  net::backlog_change write_cipher();

  net::stream stream_;
  std::unique_ptr<tls::engine> tls_;
  std::string plain_;   ///< decrypted bytes
  std::string waiting_; ///< plain bytes that wait for the end of the TLS handshake
};

} // namespace patio
