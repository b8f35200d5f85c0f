/// A table of the connections that serve each name. It uses no clock and no I/O. One node owns it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <patio/mesh/connection_id.hpp>

namespace patio {

/// The policy by which the router picks one of the peers that serve a name.
enum class routing : std::uint8_t {
  least_loaded, ///< picks two random peers, then the one with fewer calls in flight
  round_robin,  ///< takes the peers in turn
};

} // namespace patio

namespace patio::mesh {

class router {
public:
  explicit router(std::uint64_t seed = 0) : random_{seed} {}

  /// Replaces the names that the connection serves. `names` must be sorted and unique.
  void serve(connection_id id, const std::vector<std::string>& names);
  void remove(connection_id id);
  /// The router picks an ejected connection only if every connection for the name is ejected or
  /// blocked.
  void eject(connection_id id) { ejected_.insert(id); }
  void readmit(connection_id id) { ejected_.erase(id); }
  [[nodiscard]] bool is_ejected(connection_id id) const { return ejected_.contains(id); }
  /// The router picks a blocked connection only if every connection for the name is blocked. An
  /// ejected connection is preferred to a blocked connection.
  void block(connection_id id) { blocked_.insert(id); }
  void unblock(connection_id id) { blocked_.erase(id); }

  /// Picks a connection that serves the name. `load(id)` returns a connection's calls in flight.
  template <class Load>
  [[nodiscard]] std::optional<connection_id> pick(std::string_view name, routing policy,
                                                  Load load) {
    auto at = peers_.find(name);
    if (at == peers_.end()) return {};
    auto& [all, next] = at->second;
    if (all.size() == 1) return all.front();
    auto better = ejected_.empty() && blocked_.empty() ? std::vector<connection_id>{} : best(all);
    const auto& ids = better.empty() ? all : better;
    if (ids.size() == 1) return ids.front();
    if (policy == routing::round_robin) return ids[next++ % ids.size()];
    auto first = random_() % ids.size();
    auto second = (first + 1 + random_() % (ids.size() - 1)) % ids.size();
    return load(ids[second]) < load(ids[first]) ? ids[second] : ids[first];
  }

  [[nodiscard]] bool serves(connection_id id, std::string_view name) const;
  [[nodiscard]] bool empty() const noexcept { return peers_.empty(); }

private:
  [[nodiscard]] std::vector<connection_id> best(const std::vector<connection_id>& ids) const;
  void withdraw(connection_id id);

  struct candidates {
    std::vector<connection_id> ids;
    std::size_t next = 0;
  };
  /// A tree instead of a hash table: a peer chooses its names and could force hash collisions.
  std::map<std::string, candidates, std::less<>> peers_;
  std::unordered_map<connection_id, std::vector<std::string>> names_;
  std::unordered_set<connection_id> ejected_, blocked_;
  std::minstd_rand random_;
};

} // namespace patio::mesh
