/// Bytes that are to be known to nobody else: a shared key, a private key. Copies share them; the
/// last one wipes them. No way leads to a log or a message. Any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace patio {

class secret {
public:
  secret() = default; ///< empty
  secret(std::string_view bytes);
  secret(const char* text) : secret(std::string_view{text}) {}
  secret(const std::string& bytes) : secret(std::string_view{bytes}) {}
  secret(std::string&& bytes); ///< wipes what it has copied

  [[nodiscard]] std::string_view view() const noexcept {
    return bytes_ ? std::string_view{*bytes_} : std::string_view{};
  }
  [[nodiscard]] bool empty() const noexcept { return view().empty(); }
  [[nodiscard]] std::size_t size() const noexcept { return view().size(); }

private:
  std::shared_ptr<const std::string> bytes_;
};

/// Overwrites the bytes in a way that a compiler cannot leave out, and empties the string.
void wipe(std::string& bytes) noexcept;

} // namespace patio
