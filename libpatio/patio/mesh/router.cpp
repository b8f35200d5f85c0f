#include <patio/mesh/router.hpp>

#include <algorithm>

namespace patio::mesh {

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

std::vector<connection_id> router::best(const std::vector<connection_id>& ids) const {
  auto rank = [this](connection_id id) {
    return blocked_.contains(id) ? 2 : is_ejected(id) ? 1 : 0;
  };
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
