#include <patio/router.hpp>

#include <algorithm>

namespace patio {

void router::serve(connection_id id, const std::vector<std::string>& names) {
  remove(id);
  auto unique = names;
  std::sort(unique.begin(), unique.end());
  unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
  for (const auto& name : unique) peers_[name].ids.push_back(id);
  names_[id] = std::move(unique);
}

void router::remove(connection_id id) {
  auto names = names_.extract(id);
  if (names.empty()) return;
  for (const auto& name : names.mapped()) {
    auto at = peers_.find(name);
    std::erase(at->second.ids, id);
    if (at->second.ids.empty()) peers_.erase(at); // no name stays with an empty list of peers
  }
}

bool router::serves(connection_id id, std::string_view name) const {
  auto at = peers_.find(name);
  return at != peers_.end() && std::find(at->second.ids.begin(), at->second.ids.end(), id) != at->second.ids.end();
}

} // namespace patio
