#include <patio/mesh/connection.hpp>

#include <utility>

namespace patio::mesh {
namespace {

constexpr backoff_options ejection_times{std::chrono::seconds{2}, std::chrono::seconds{30}};

} // namespace

connection::connection(connection_id number, role side, std::string where, std::string nonce,
                       std::shared_ptr<const protocol::session_options> options,
                       std::unique_ptr<tls::engine> engine)
    : id{number}, address{std::move(where)}, session{side, std::move(options), std::move(nonce)},
      tls{std::move(engine)}, record{.ejection_time = backoff{ejection_times, number}} {}

bool connection::has_output() {
  bool has_plain = !session.output().bytes().empty();
  if (!tls) return has_plain;
  return !tls->output().empty() || (tls->is_open() && has_plain);
}

void connection::take_output(std::string& out) {
  auto& frames = session.output().bytes();
  if (!tls) {
    std::swap(out, frames);
    return session.output().taken(out.size());
  }
  if (tls->is_open() && !frames.empty()) {
    tls->send(frames);
    session.output().taken(frames.size());
    frames.clear();
  }
  if (is_closed()) tls->close();
  std::swap(out, tls->output());
}

// Probes begin after the login and set the number of heard bytes back.
bool connection::is_silent() noexcept {
  return session.login().side() == role::server && !is_announced && record.heard == 0;
}

peer_info connection::info() {
  return {id,
          address,
          session.login().side(),
          names,
          session.outbound().requests(),
          session.inbound().size(),
          session.login().proved()};
}

} // namespace patio::mesh
