/// The queues of a callee, for which it grants credit (extension `credit`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

namespace patio::protocol {

/// The number of a queue of the callee, or `no_queue`.
using queue_number = std::int8_t;
/// The queue of a function whose calls need no credit.
inline constexpr queue_number no_queue = -1;
inline constexpr std::size_t max_queues = 16;

/// The queues of a peer's functions. A function that is not in the map belongs to queue 0.
using queue_map = std::map<std::string, queue_number, std::less<>>;

/// A number of REQUESTs for functions of one queue, since the login.
struct queue_total {
  queue_number queue = 0;
  std::uint64_t total = 0;
  friend bool operator==(const queue_total&, const queue_total&) = default;
};

} // namespace patio::protocol
