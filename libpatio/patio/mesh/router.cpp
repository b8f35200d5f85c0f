#include <patio/mesh/router.hpp>

#include <algorithm>

namespace patio::mesh {
namespace {

/// A search among so few peers is cheap.
constexpr std::size_t few_peers = 16;

/// Most peers are usable, so a few draws find usable ones. A search of all peers for each call
/// would make the calls of a large mesh slow as soon as one peer is ejected.
constexpr int max_draws = 16;

} // namespace

void router::serve(connection_id id, const std::vector<std::string>& names) {
  if (auto known = names_.find(id); known != names_.end() && known->second == names)
    return; // most probes report no change
  ++changes_;
  withdraw(id);
  auto at = peers_.begin();
  for (const auto& name : names) {
    // The hint is exact unless another connection serves a name between the last name and this
    // name.
    at = peers_.try_emplace(at, name);
    at->second.ids.push_back(id);
    ++at;
  }
  names_[id] = names;
}

void router::remove(connection_id id) {
  withdraw(id);
  readmit(id);
  unblock(id);
}

void router::withdraw(connection_id id) {
  auto names = names_.extract(id);
  if (names.empty()) return;
  ++changes_;
  for (const auto& name : names.mapped()) {
    auto at = peers_.find(name);
    std::erase(at->second.ids, id);
    if (at->second.ids.empty()) peers_.erase(at); // no name stays with an empty list of peers
  }
}

connection_id router::next_of(candidates& c) {
  const auto& ids = c.ids;
  if (are_all_usable()) return ids[c.next++ % ids.size()];
  for (std::size_t i = 0; i < ids.size(); ++i)
    if (auto id = ids[c.next++ % ids.size()]; rank(id) == 0) return id;
  auto better = best(ids);
  return better[c.next++ % better.size()];
}

router::two router::draw_two(const std::vector<connection_id>& ids) {
  auto draw = [this](const std::vector<connection_id>& all) {
    auto first = random_() % all.size();
    auto second = (first + 1 + random_() % (all.size() - 1)) % all.size();
    return std::pair{all[first], all[second]};
  };
  if (are_all_usable()) return draw(ids);
  if (ids.size() > few_peers)
    for (int i = 0; i < max_draws; ++i)
      if (auto drawn = draw(ids); rank(drawn.first) == 0 && rank(drawn.second) == 0) return drawn;
  auto better = best(ids);
  return better.size() == 1 ? std::pair{better.front(), better.front()} : draw(better);
}

// Returns the connections of the lowest rank.
std::vector<connection_id> router::best(const std::vector<connection_id>& ids) const {
  auto least = 2;
  for (auto id : ids) least = std::min(least, rank(id));
  std::vector<connection_id> rest;
  for (auto id : ids)
    if (rank(id) == least) rest.push_back(id);
  return rest;
}

bool router::serves(connection_id id, std::string_view name) const {
  auto at = peers_.find(name);
  return at != peers_.end()
         && std::find(at->second.ids.begin(), at->second.ids.end(), id) != at->second.ids.end();
}

std::vector<connection_id> router::choices(std::string_view name) const {
  auto at = peers_.find(name);
  return at == peers_.end() ? std::vector<connection_id>{} : best(at->second.ids);
}

} // namespace patio::mesh
