#include <patio/mesh/login_queue.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

namespace patio::mesh {

// An honest peer logs in within a few round trips, so the oldest connection is the least likely to
// be honest. If all connections are new, this is a flood, most likely from the network with the
// most connections.
connection_id login_queue::least_promising(instant now, std::chrono::nanoseconds patience) const {
  const auto& [oldest, first] = *waiting_.begin();
  if (now - first.since >= patience) return oldest;
  struct crowd {
    std::size_t size = 0;
    connection_id oldest = 0;
  };
  std::map<std::string_view, crowd> crowds;
  for (const auto& [id, one] : waiting_)
    ++crowds.try_emplace(one.network, crowd{0, id}).first->second.size;
  auto less = [](const auto& a, const auto& b) { // of equal crowds, the older one is greater
    return std::pair{a.second.size, b.second.oldest} < std::pair{b.second.size, a.second.oldest};
  };
  return std::ranges::max_element(crowds, less)->second.oldest;
}

} // namespace patio::mesh
