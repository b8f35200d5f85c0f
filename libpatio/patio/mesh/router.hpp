/// A table of the connections that serve each name. It uses no clock and no I/O. One node owns it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
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
    auto& c = at->second;
    auto chosen = c.ids.size() == 1                ? c.ids.front()
                  : policy == routing::round_robin ? next_of(c)
                                                   : lighter(draw_two(c.ids), load);
    if (has_room(chosen)) return {chosen, true};
    auto ids = best(c.ids);
    auto begin = static_cast<std::size_t>(std::ranges::find(ids, chosen) - ids.begin());
    for (std::size_t i = 1; i < ids.size(); ++i)
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
  struct candidates {
    std::vector<connection_id> ids;
    std::size_t next = 0;
  };

  [[nodiscard]] connection_id next_of(candidates& c);
  using two = std::pair<connection_id, connection_id>;
  [[nodiscard]] two draw_two(const std::vector<connection_id>& ids);
  template <class Load>
  [[nodiscard]] static connection_id lighter(two drawn, Load load) {
    return load(drawn.second) < load(drawn.first) ? drawn.second : drawn.first;
  }
  [[nodiscard]] std::vector<connection_id> best(const std::vector<connection_id>& ids) const;
  /// Returns 2 for a blocked connection, 1 for an ejected one and 0 for any other.
  [[nodiscard]] int rank(connection_id id) const {
    return blocked_.contains(id) ? 2 : is_ejected(id) ? 1 : 0;
  }
  [[nodiscard]] bool are_all_usable() const noexcept {
    return ejected_.empty() && blocked_.empty();
  }
  void withdraw(connection_id id);

  /// A tree instead of a hash table: a peer chooses its names and could force hash collisions.
  std::map<std::string, candidates, std::less<>> peers_;
  std::unordered_map<connection_id, std::vector<std::string>> names_;
  std::unordered_set<connection_id> ejected_, blocked_;
  std::uint64_t changes_ = 0;
  std::minstd_rand random_;
};

} // namespace patio::mesh
