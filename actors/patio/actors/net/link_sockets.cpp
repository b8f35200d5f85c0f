#include <patio/actors/net/link_sockets.hpp>

#include <utility>

#include <patio/actors/os/clock.hpp>

namespace patio::net {
namespace {

/// A stream of commands with a gap is worthless, so bytes that are not accepted count as an
/// overflow, which ends the connection.
backlog_change write_all(stream& socket, std::string_view bytes) {
  auto written = socket.write(bytes);
  if (written.accepted < bytes.size()) written.backlog.overflowed = true;
  return written.backlog;
}

} // namespace

link_sockets::link_sockets(caf::io::broker* owner, const limits& l)
    : owner_{owner}, options_{l.high_water_bytes, l.write_buffer_bytes, l.write_stall_timeout},
      limits_{l} {}

bool link_sockets::open(number link, unique_fd fd, std::unique_ptr<tls::engine> engine) {
  tune(fd.get(), limits_);
  end(link);
  stream socket{owner_, std::move(fd), options_};
  numbers_[socket.handle().id()] = link;
  auto& e =
    entries_.emplace(link, entry{std::move(socket), std::move(engine), clock_now()}).first->second;
  e.is_open = !e.engine;
  (void)write_cipher(e); // the first bytes of the handshake are few
  return e.is_open;
}

void link_sockets::end(number link) {
  auto at = entries_.find(link);
  if (at == entries_.end()) return;
  auto& e = at->second;
  if (e.engine) {
    e.engine->close();
    if (e.socket.is_open()) (void)write_cipher(e);
  }
  if (e.socket.is_open()) numbers_.erase(e.socket.handle().id());
  if (e.socket.backlog_bytes() > 0) e.socket.abort();
  else e.socket.hang_up();
  entries_.erase(at);
}

link_sockets::number link_sockets::number_of(caf::io::connection_handle handle) const noexcept {
  auto at = numbers_.find(handle.id());
  return at == numbers_.end() ? 0 : at->second;
}

link_sockets::entry* link_sockets::find(number link) {
  auto at = entries_.find(link);
  return at == entries_.end() ? nullptr : &at->second;
}

link_sockets::received link_sockets::data(number link, caf::io::new_data_msg& message) {
  auto* e = find(link);
  if (!e) return {};
  auto bytes = e->socket.received(message);
  e->socket.adapt_read_size(bytes.size(), std::chrono::nanoseconds::zero());
  if (!e->engine) return {false, bytes, {}};
  plain_.clear();
  auto ok = e->engine->receive(bytes, plain_);
  (void)write_cipher(*e);
  received r{.plain = plain_};
  r.has_opened = e->engine->is_open() && !std::exchange(e->is_open, e->engine->is_open());
  if (!ok) r.failure = ok.error();
  return r;
}

backlog_change link_sockets::transferred(number link,
                                         const caf::io::data_transferred_msg& message) {
  auto* e = find(link);
  return e ? e->socket.transferred(message) : backlog_change{};
}

error link_sockets::closed(number link) {
  auto* e = find(link);
  if (!e) return {};
  numbers_.erase(e->socket.handle().id());
  e->socket.closed();
  bool in_handshake = !e->is_open;
  entries_.erase(link);
  return {errc::connect_failed,
          in_handshake ? "the server closed the connection during the TLS handshake"
                       : "the server closed the connection",
          {}};
}

backlog_change link_sockets::write(number link, std::string_view plain) {
  auto* e = find(link);
  if (!e || !e->is_open || !e->socket.is_open()) return {};
  if (!e->engine) return write_all(e->socket, plain);
  e->engine->send(plain);
  return write_cipher(*e);
}

backlog_change link_sockets::write_cipher(entry& e) {
  if (!e.engine || e.engine->output().empty() || !e.socket.is_open()) return {};
  auto change = write_all(e.socket, e.engine->output());
  e.engine->output().clear();
  return change;
}

bool link_sockets::has_backlog() const noexcept {
  for (const auto& [link, e] : entries_)
    if (e.socket.backlog_bytes() > 0) return true;
  return false;
}

bool link_sockets::is_congested(number link) const noexcept {
  auto at = entries_.find(link);
  return at != entries_.end() && at->second.socket.is_congested();
}

bool link_sockets::may_stall() const noexcept {
  for (const auto& [link, e] : entries_)
    if (!e.is_open || e.socket.backlog_bytes() > 0) return true;
  return false;
}

std::vector<link_sockets::stalled_link> link_sockets::stalled(instant now) const {
  std::vector<stalled_link> found;
  for (const auto& [link, e] : entries_) {
    if (e.socket.is_stalled(now))
      found.push_back(
        {link, {errc::connect_failed, "the server does not read", {}, limit::write_stall_timeout}});
    else if (!e.is_open && now - e.opened_at >= limits_.handshake_timeout)
      found.push_back(
        {link,
         {errc::connect_failed, "the TLS handshake takes too long", {}, limit::handshake_timeout}});
  }
  return found;
}

std::vector<link_sockets::number> link_sockets::links() const {
  std::vector<number> all;
  for (const auto& [link, e] : entries_) all.push_back(link);
  return all;
}

} // namespace patio::net
