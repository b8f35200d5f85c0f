/// One connection's login: which packets it takes, and what each side answers. A resource of one
/// session. After the login it knows the names that the peer has proved.
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
  /// `nonce`: `token_size` fresh random bytes for a server, `salt_size` for a client.
  login_exchange(role side, std::string nonce);

  [[nodiscard]] role side() const noexcept { return side_; }
  /// A server's first payload.
  [[nodiscard]] const std::string& challenge() const noexcept { return challenge_; }
  /// The packet that the other side must send next.
  [[nodiscard]] packet expected() const noexcept;

  struct step {
    std::optional<packet> send = {}; ///< a frame of this type, with the payload
    std::string payload = {};
    bool is_done = false;
  };
  /// Takes the expected packet. The error's text is for this node's log; the peer is told nothing.
  [[nodiscard]] result<step> take(std::string_view payload, const session_options& options);

  /// The peer has proved these names in another way, such as TLS. The login may add the key's name.
  void prove(const std::vector<std::string>& names);
  [[nodiscard]] const std::vector<std::string>& proved() const noexcept { return proved_; }

private:
  [[nodiscard]] result<step> check(std::string_view answer, const session_options& options);

  role side_;
  std::string challenge_, salt_;
  std::vector<std::string> proved_;
};

} // namespace patio::protocol
