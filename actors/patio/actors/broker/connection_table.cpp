#include <patio/actors/broker/connection_table.hpp>

#include <utility>

namespace patio {

void connection_table::add(connection_id id, connection c) {
  auto handle = c.stream.handle();
  connections_.emplace(id, std::move(c));
  ids_[handle.id()] = id;
}

connection* connection_table::find(connection_id id) {
  auto at = connections_.find(id);
  return at == connections_.end() ? nullptr : &at->second;
}

connection connection_table::take(connection_id id) {
  auto at = connections_.find(id);
  auto c = std::move(at->second);
  connections_.erase(at);
  backlogged_.erase(id);
  if (c.stream.is_open()) forget_handle(c.stream.handle());
  return c;
}

connection_id connection_table::id_of(caf::io::connection_handle handle) const noexcept {
  auto at = ids_.find(handle.id());
  return at == ids_.end() ? 0 : at->second;
}

void connection_table::track_backlog(connection_id id, const net::stream& s) {
  if (s.backlog_bytes() == 0) backlogged_.erase(id);
  else backlogged_.insert(id);
}

std::vector<connection_id> connection_table::stalled(instant now) {
  std::vector<connection_id> found;
  for (auto id : backlogged_)
    if (const auto* c = find(id); c && c->stream.is_stalled(now)) found.push_back(id);
  return found;
}

} // namespace patio
