/// Runs interop/python_peer.py: a real Python patio 0.1.4 peer in its own process.
#pragma once

#include <nlohmann/json.hpp>

#include <patio/protocol/endpoint.hpp>

#include "process.hpp"

namespace patio::tests {

/// Returns two hexadecimal digits for each byte.
[[nodiscard]] std::string hex(std::string_view bytes);

class python_peer {
public:
  /// `kind` is "server" or "client". With a folder of certificates the peer speaks TLS and demands
  /// certificates.
  python_peer(const std::string& kind, const std::string& key,
              const std::string& certificates = "");

  /// The address of a server.
  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  /// Lets a client dial. Returns false if the client has not logged in within `seconds`. Without
  /// this limit Python patio waits forever.
  [[nodiscard]] bool connect(const endpoint& server, double seconds = 20);
  /// Makes `times` calls at once from the Python peer. Returns ["ok", repr] or
  /// ["error", type, repr of the arguments].
  [[nodiscard]] nlohmann::json call(const std::string& name, const std::string& args,
                                    double timeout = 20, int times = 1);
  [[nodiscard]] process& child() noexcept { return child_; }

private:
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& command);
  process child_;
  endpoint where_;
};

} // namespace patio::tests
