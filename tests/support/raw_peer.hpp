/// A peer made by hand, for what no honest peer does: it logs in, then sends and receives frames as
/// it is told, from the test's own thread.
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
  /// Connects without logging in. Throws std::runtime_error, as everything here does when the peer
  /// lets it wait.
  explicit raw_peer(const endpoint& where);
  /// Comes from that address of this machine, say 127.0.0.2.
  raw_peer(const endpoint& where, const std::string& from);
  explicit raw_peer(unique_fd connected);

  /// Shakes hands; from then on everything else is sent and received through TLS.
  void secure(std::unique_ptr<tls::engine> tls);

  /// The peer has ended its side of TLS, so that nobody on the way can have cut it off.
  [[nodiscard]] bool was_told_the_end() const { return tls_ && tls_->peer_closed(); }

  /// A client's login without the discovery; the bytes that proved the key.
  std::string prove(const std::string& key = "");
  void log_in_as_client(const std::vector<std::string>& names = {}, const std::string& key = "");
  void log_in_as_server(const std::vector<std::string>& names = {});

  void send(packet type, std::uint32_t serial, std::string_view payload);
  void send_bytes(std::string_view bytes);
  [[nodiscard]] raw_frame receive();
  /// Waits until the peer closes, however it does; the frames it sent before that are dropped.
  void await_close();
  /// Sends until the peer closes, which it may do anywhere within the bytes; not through TLS.
  void send_until_closed(std::string_view bytes);
  void close() { fd_ = {}; }
  /// The peer sees an end of the stream, and may still send.
  void half_close();
  /// The peer sees a reset.
  void reset();
  /// For polling.
  [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }

private:
  void discover(const std::vector<std::string>& names);
  /// False at the end of the stream.
  [[nodiscard]] bool read_more();
  void send_as_they_are(std::string_view bytes);
  unique_fd fd_;
  std::unique_ptr<tls::engine> tls_;
  std::string buffer_;
};

/// A listening socket for peers made by hand.
class raw_listener {
public:
  raw_listener();
  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  [[nodiscard]] raw_peer accept();

private:
  unique_fd fd_;
  endpoint where_;
};

} // namespace patio::tests
