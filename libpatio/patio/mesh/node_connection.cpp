#include <patio/mesh/node_connection.hpp>

namespace patio::mesh {

void node::connection::receive(std::string_view bytes) {
  if (!tls) return session.receive(bytes);
  std::string plain;
  bool was_open = tls->is_open();
  auto decrypted = tls->receive(bytes, plain);
  if (!was_open && tls->is_open()) session.prove(tls->peer_names());
  if (!plain.empty()) session.receive(plain);
  auto lost =
    session.state() == protocol::session::state::ready ? errc::maybe_executed : errc::login_refused;
  if (!decrypted) end(std::move(decrypted.error()));
  else if (tls->peer_closed()) end({lost, "the peer closed the connection", {}});
}

void node::connection::end(error why) {
  if (session.is_decoding()) when_decoded = [this, why] { session.close(why); };
  else session.close(std::move(why));
}

std::string& node::connection::output() {
  auto& plain = session.output();
  if (!tls) return plain;
  if (tls->is_open() && !plain.empty()) {
    tls->send(plain);
    session.taken(plain.size());
    plain.clear();
  }
  if (session.state() == protocol::session::state::closed) tls->close();
  return tls->output();
}

} // namespace patio::mesh
