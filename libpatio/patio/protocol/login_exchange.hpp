/// Runs the login of one connection, for either side, and holds the names that the peer has proved.
/// One session owns the login_exchange.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <patio/protocol/frame.hpp>
#include <patio/protocol/session_options.hpp>
#include <patio/value/error.hpp>

namespace patio::protocol {

class login_exchange {
public:
  /// `nonce` must be fresh random bytes: `token_size` for a server, `salt_size` for a client.
  login_exchange(role side, std::string nonce);

  [[nodiscard]] role side() const noexcept { return side_; }
  /// Returns the payload that a server sends first.
  [[nodiscard]] const std::string& challenge() const noexcept { return challenge_; }
  /// Returns the packet that the other side must send next.
  [[nodiscard]] packet expected() const noexcept;

  struct step {
    std::optional<packet> send = {}; ///< send a frame of this type, with `payload`
    std::string payload = {};
    bool is_done = false;
  };
  /// Handles the expected packet. The error text is for this node's log and not for the peer.
  [[nodiscard]] result<step> take(std::string_view payload, const session_options& options);

  /// Records names that the peer has proved in another way, such as TLS. The login may add the name
  /// of the key.
  void prove(const std::vector<std::string>& names);
  [[nodiscard]] const std::vector<std::string>& proved() const noexcept { return proved_; }

private:
  [[nodiscard]] result<step> check(std::string_view answer, const session_options& options);

  role side_;
  std::string challenge_, salt_;
  std::vector<std::string> proved_;
};

} // namespace patio::protocol
