/// The ids of messages, queues and consumers, in the form in which the Python plugin makes them.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace patio::amqp {

/// A UUID of version 4 as a number. It identifies a call: its text is the correlation id.
struct call_key {
  std::uint64_t high = 0, low = 0;
  friend auto operator<=>(const call_key&, const call_key&) = default;
};

struct call_key_hash {
  // The bits are random, unless a server has made the key up. Such a key only misses the table.
  std::size_t operator()(const call_key& key) const noexcept { return key.high ^ key.low; }
};

/// Returns the UUID in lower case with hyphens.
[[nodiscard]] std::string to_text(const call_key& key);
/// Returns nothing for a text that to_text() does not make.
[[nodiscard]] std::optional<call_key> parse_call_key(std::string_view text) noexcept;

/// Makes ids from random bytes. One thread.
class id_source {
public:
  /// Returns the number of bytes that it was asked for.
  using random_function = std::function<std::string(std::size_t)>;
  explicit id_source(random_function random) : random_{std::move(random)} {}

  [[nodiscard]] call_key next_call();
  [[nodiscard]] std::string hex(); ///< 32 lower-case digits

private:
  [[nodiscard]] std::uint64_t number();

  random_function random_;
  std::string pool_; ///< random bytes that are not used yet
};

} // namespace patio::amqp
