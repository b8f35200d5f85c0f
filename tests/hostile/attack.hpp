/// One attack: the bytes that it sends, and its end. A value type.
#pragma once

#include <chrono>
#include <random>
#include <string>
#include <string_view>

#include <patio/protocol/frame.hpp>

namespace patio::tests {

struct attack {
  enum class login_kind { none, right, wrong, replayed };
  enum class end_kind { close, reset, half_close };

  const char* name;
  login_kind login = login_kind::none;
  std::string bytes = {};               ///< sent after the login, if the attack logs in
  std::string names = "\x80\x05].";     ///< payload of the DISCOVER_RESPONSE: a list
  bool reads = true;                    ///< false: leaves the node's frames in the socket
  std::chrono::milliseconds interval{}; ///< between two bytes; 0 sends all bytes at once
  std::chrono::milliseconds delay{200}; ///< from the last byte to the end
  end_kind end = end_kind::close;
};

/// Draws one of the kinds of attacks, and its details.
[[nodiscard]] attack draw_attack(std::mt19937_64& random);

} // namespace patio::tests
