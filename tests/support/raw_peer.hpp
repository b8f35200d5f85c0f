/// A scripted peer that can break the protocol, which real peers do not. It logs in on request, and
/// sends and receives single frames on the test's own thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <patio/actors/os/socket.hpp>
#include <patio/protocol/frame.hpp>
#include <patio/tls/tls.hpp>

namespace patio::tests {

using namespace protocol;

struct raw_frame {
  packet type;
  std::uint32_t serial;
  std::string payload;
};

[[nodiscard]] std::string frame_of(packet type, std::uint32_t serial, std::string_view payload);

class raw_peer {
public:
  /// Connects without logging in. Like all functions here it throws std::runtime_error when the
  /// other side takes too long.
  explicit raw_peer(const endpoint& where);
  /// Connects from an address of this machine, for example 127.0.0.2.
  raw_peer(const endpoint& where, const std::string& source);
  explicit raw_peer(unique_fd connected);

  /// Does the TLS handshake. Afterwards all functions except send_until_closed use TLS.
  void secure(std::unique_ptr<tls::engine> tls);

  /// Returns whether the other side has sent close_notify. If it has, the stream is not truncated.
  [[nodiscard]] bool was_told_the_end() const { return tls_ && tls_->peer_closed(); }

  /// Does a client's login without the discovery. Returns the payload that proved the key.
  std::string prove(const std::string& key = "");
  void log_in_as_client(const std::vector<std::string>& names = {}, const std::string& key = "");
  void log_in_as_server(const std::vector<std::string>& names = {});

  void send(packet type, std::uint32_t serial, std::string_view payload);
  void send_bytes(std::string_view bytes);
  [[nodiscard]] raw_frame receive();
  /// Waits until the other side closes or resets the connection. Drops all frames that arrive
  /// before that.
  void await_close();
  /// Sends the bytes until the other side closes, possibly before the last byte. Does not use TLS.
  void send_until_closed(std::string_view bytes);
  void close() { fd_ = {}; }
  /// Sends a FIN. The other side can still send.
  void half_close();
  /// Closes with a RST.
  void reset();
  /// The socket, for poll().
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

private:
  void discover(const std::vector<std::string>& names);
  /// Returns false at the end of the stream.
  [[nodiscard]] bool read_more();
  void write_to_socket(std::string_view bytes);
  unique_fd fd_;
  std::unique_ptr<tls::engine> tls_;
  std::string buffer_;
};

/// A listening socket for scripted peers.
class raw_listener {
public:
  explicit raw_listener(const endpoint& local = {"127.0.0.1", 0});
  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  [[nodiscard]] raw_peer accept();

private:
  unique_fd fd_;
  endpoint where_;
};

} // namespace patio::tests
