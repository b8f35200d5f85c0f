/// Bytes that must stay secret: a shared key or a private key. Copies share the bytes, and the last
/// copy wipes them. The class has no output operator, so that a secret does not reach a log or a
/// message by mistake. Different threads may use different copies.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>

namespace PATIO_API patio {

class secret {
public:
  secret() = default; ///< empty
  secret(std::string_view bytes);
  secret(const char* text) : secret(std::string_view{text}) {}
  secret(const std::string& bytes) : secret(std::string_view{bytes}) {}
  secret(std::string&& bytes); ///< copies `bytes` and wipes them

  [[nodiscard]] std::string_view view() const noexcept {
    return bytes_ ? std::string_view{*bytes_} : std::string_view{};
  }
  [[nodiscard]] bool empty() const noexcept { return view().empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return view().size(); }

private:
  std::shared_ptr<const std::string> bytes_;
};

/// Overwrites the bytes in a way that the compiler cannot optimize away, and empties the string.
void wipe(std::string& bytes) noexcept;

} // namespace patio
