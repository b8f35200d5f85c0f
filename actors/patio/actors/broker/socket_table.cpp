#include <patio/actors/broker/socket_table.hpp>

#include <utility>

namespace patio {

void socket_table::add(connection_id id, peer_socket c) {
  auto handle = c.stream.handle();
  sockets_.emplace(id, std::move(c));
  ids_[handle.id()] = id;
}

peer_socket* socket_table::find(connection_id id) {
  auto at = sockets_.find(id);
  return at == sockets_.end() ? nullptr : &at->second;
}

peer_socket socket_table::take(connection_id id) {
  auto at = sockets_.find(id);
  auto c = std::move(at->second);
  sockets_.erase(at);
  backlogged_.erase(id);
  if (c.stream.is_open()) forget_handle(c.stream.handle());
  return c;
}

connection_id socket_table::id_of(caf::io::connection_handle handle) const noexcept {
  auto at = ids_.find(handle.id());
  return at == ids_.end() ? 0 : at->second;
}

void socket_table::track_backlog(connection_id id, const net::stream& s) {
  if (s.backlog_bytes() == 0) backlogged_.erase(id);
  else backlogged_.insert(id);
}

std::vector<connection_id> socket_table::stalled(instant now) {
  std::vector<connection_id> found;
  for (auto id : backlogged_)
    if (const auto* c = find(id); c && c->stream.is_stalled(now)) found.push_back(id);
  return found;
}

} // namespace patio
