/// Which connections serve a name. A value-like table without time or I/O; owned by one node.
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

/// How a call finds its peer among those that serve the name.
enum class routing : std::uint8_t {
  least_loaded, ///< of two peers drawn at random the one with fewer calls in flight
  round_robin,  ///< one after another
};

} // namespace patio

namespace patio::mesh {

class router {
public:
  explicit router(std::uint64_t seed = 0) : random_{seed} {}

  /// Replaces what the connection serves; the names are sorted and none comes twice.
  void serve(connection_id id, const std::vector<std::string>& names);
  void remove(connection_id id);
  /// An ejected connection is picked only if no other serves the name.
  void eject(connection_id id) { ejected_.insert(id); }
  void readmit(connection_id id) { ejected_.erase(id); }
  [[nodiscard]] bool is_ejected(connection_id id) const { return ejected_.contains(id); }
  /// A blocked connection is picked only if all others that serve the name are blocked too; an
  /// ejected one comes before it.
  void block(connection_id id) { blocked_.insert(id); }
  void unblock(connection_id id) { blocked_.erase(id); }

  /// `load(id)` is the number of calls in flight there.
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
  std::map<std::string, candidates, std::less<>>
    peers_; ///< ordered, as a peer that picks its names could pick their hashes
  std::unordered_map<connection_id, std::vector<std::string>> names_;
  std::unordered_set<connection_id> ejected_, blocked_;
  std::minstd_rand random_;
};

} // namespace patio::mesh
