/// What one attack sends, and how it ends.
#pragma once

#include <chrono>
#include <random>
#include <string>
#include <string_view>

#include <patio/protocol/frame.hpp>

namespace patio::tests {

struct attack {
  enum class login { none, right, wrong, replayed };
  enum class ending { close, reset, half_close };

  const char* kind;
  login how = login::none;
  std::string bytes = {};           ///< after the login, if there is one
  std::string names = "\x80\x05]."; ///< what it says that it serves
  bool reads = true;                ///< what the node sends
  std::chrono::milliseconds between =
    std::chrono::milliseconds{0};       ///< two bytes; 0 sends them all at once
  std::chrono::milliseconds stays{200}; ///< after the last byte
  ending last = ending::close;
};

[[nodiscard]] attack draw_attack(std::mt19937_64& random);

} // namespace patio::tests
