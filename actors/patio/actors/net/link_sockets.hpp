/// The sockets of a node's connections to a message broker, by the numbers that the node's state
/// machine gives them. With TLS, each has an engine. The owner is one broker actor, which reports
/// CAF's messages and gets bytes and errors by return values.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include <patio/actors/net/stream.hpp>
#include <patio/tls/tls.hpp>

namespace patio::net {

class link_sockets {
public:
  using number = std::uint64_t; ///< never 0

  link_sockets(caf::io::broker* owner, const limits& l);

  /// Adopts a connected socket. With an engine, the connection is open after the handshake.
  /// Returns true if it is open already.
  [[nodiscard]] bool open(number link, unique_fd fd, std::unique_ptr<tls::engine> engine);
  /// Ends a connection: sends what the TLS engine has to say and hangs up. The owner gets no more
  /// reports about it. Does nothing for a number without a socket.
  void end(number link);

  /// Returns 0 for a handle that no longer belongs to a connection.
  [[nodiscard]] number number_of(caf::io::connection_handle handle) const noexcept;

  struct received {
    bool has_opened = false;           ///< the TLS handshake is done
    std::string_view plain = {};       ///< valid until the next call
    std::optional<error> failure = {}; ///< of TLS; the plain bytes came before it
  };
  [[nodiscard]] received data(number link, caf::io::new_data_msg& message);
  [[nodiscard]] backlog_change transferred(number link,
                                           const caf::io::data_transferred_msg& message);
  /// CAF has closed the socket.
  [[nodiscard]] error closed(number link);

  /// Sends plain bytes on an open connection.
  [[nodiscard]] backlog_change write(number link, std::string_view plain);
  [[nodiscard]] bool has_backlog() const noexcept;
  /// True if the server reads too slowly.
  [[nodiscard]] bool is_congested(number link) const noexcept;
  /// True while a connection may stall, so that the owner has to call stalled() about once a
  /// second.
  [[nodiscard]] bool may_stall() const noexcept;
  struct stalled_link {
    number link;
    error why;
  };
  /// Returns the connections of which no byte could be sent for too long, and the connections whose
  /// TLS handshake takes too long. The owner ends them.
  [[nodiscard]] std::vector<stalled_link> stalled(instant now) const;
  /// Returns the connections that have not ended.
  [[nodiscard]] std::vector<number> links() const;

private:
  struct entry {
    stream socket;
    std::unique_ptr<tls::engine> engine;
    instant opened_at{};  ///< by TCP
    bool is_open = false; ///< TLS included
  };

  [[nodiscard]] entry* find(number link);
  static backlog_change write_cipher(entry& e);

  caf::io::broker* owner_;
  stream_options options_;
  limits limits_;
  std::unordered_map<number, entry> entries_;
  std::unordered_map<std::int64_t, number> numbers_; ///< by handle
  std::string plain_;
};

} // namespace patio::net
