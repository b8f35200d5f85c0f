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
  void eject(connection_id id) { changes_ += ejected_.insert(id).second ? 1 : 0; }
  void readmit(connection_id id) { changes_ += ejected_.erase(id); }
  [[nodiscard]] bool is_ejected(connection_id id) const { return ejected_.contains(id); }
  /// The router picks a blocked connection only if every connection for the name is blocked. An
  /// ejected connection is preferred to a blocked connection.
  void block(connection_id id) { changes_ += blocked_.insert(id).second ? 1 : 0; }
  void unblock(connection_id id) { changes_ += blocked_.erase(id); }

  struct pick_result {
    std::optional<connection_id> id = {};
    bool is_served = false; ///< a connection serves the name, with or without room
  };
  /// Picks a connection that serves the name and has room for one more call. `load(id)` returns a
  /// connection's calls in flight.
  template <class Load, class Room>
  [[nodiscard]] pick_result pick(std::string_view name, routing policy, Load load, Room has_room) {
    auto at = peers_.find(name);
    if (at == peers_.end()) return {};
    auto& [all, next] = at->second;
    auto better = ejected_.empty() && blocked_.empty() ? std::vector<connection_id>{} : best(all);
    const auto& ids = better.empty() ? all : better;
    if (ids.size() == 1)
      return {has_room(ids.front()) ? std::optional{ids.front()} : std::nullopt, true};
    auto begin = policy == routing::round_robin ? next++ % ids.size()
                                                : lighter(ids, random_() % ids.size(), load);
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (auto id = ids[(begin + i) % ids.size()]; has_room(id)) return {id, true};
    return {{}, true};
  }
  /// Picks a connection that serves the name.
  template <class Load>
  [[nodiscard]] std::optional<connection_id> pick(std::string_view name, routing policy,
                                                  Load load) {
    return pick(name, policy, load, [](connection_id) { return true; }).id;
  }

  [[nodiscard]] bool serves(connection_id id, std::string_view name) const;
  /// Returns the connections that a call of this name may go to now: those that `pick` chooses
  /// from.
  [[nodiscard]] std::vector<connection_id> choices(std::string_view name) const;
  [[nodiscard]] bool empty() const noexcept { return peers_.empty(); }
  /// Returns a number that changes when `choices` of any name change.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }

private:
  /// Returns the index with the smaller load: `first`, or another random index.
  template <class Load>
  [[nodiscard]] std::size_t lighter(const std::vector<connection_id>& ids, std::size_t first,
                                    Load load) {
    auto second = (first + 1 + random_() % (ids.size() - 1)) % ids.size();
    return load(ids[second]) < load(ids[first]) ? second : first;
  }
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
  std::uint64_t changes_ = 0;
  std::minstd_rand random_;
};

} // namespace patio::mesh
