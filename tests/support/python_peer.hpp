/// interop/python_peer.py as an object: a real Python patio 0.1.4 process.
#pragma once

#include <nlohmann/json.hpp>

#include <patio/protocol/endpoint.hpp>

#include "process.hpp"

namespace patio::tests {

/// Two hexadecimal digits a byte.
[[nodiscard]] std::string hex(std::string_view bytes);

class python_peer {
public:
  /// `kind` is "server" or "client". With a folder of certificates it speaks TLS and demands a
  /// certificate of its peer.
  python_peer(const std::string& kind, const std::string& key,
              const std::string& certificates = "");

  /// Of a server.
  [[nodiscard]] const endpoint& where() const noexcept { return where_; }
  /// False if the peer has not logged in within so many seconds: Python itself waits for ever.
  [[nodiscard]] bool connect(const endpoint& to, double seconds = 20);
  /// What the call gave there: ["ok", repr] or ["error", type, repr of its arguments].
  [[nodiscard]] nlohmann::json call(const std::string& name, const std::string& args,
                                    double timeout = 20, int times = 1);
  [[nodiscard]] process& child() noexcept { return child_; }

private:
  [[nodiscard]] nlohmann::json ask(const nlohmann::json& command);
  process child_;
  endpoint where_;
};

} // namespace patio::tests
