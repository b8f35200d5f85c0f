#include <patio/actors/broker/peer_log.hpp>

#include <patio/protocol/endpoint.hpp>

namespace patio {
namespace {

std::string line_of(std::string_view event, const std::string& peer, std::string_view details) {
  std::string line = "event=";
  line.append(event);
  if (!peer.empty()) line.append(" peer=").append(peer);
  line.append(details);
  return line;
}

} // namespace

std::string reason_field(std::string_view reason) {
  return " reason=\"" + printable(reason) + "\"";
}

void peer_log::warn(std::string_view event, const std::string& peer, std::string_view reason) {
  note(log_level::warning, warnings_, peer, line_of(event, peer, reason_field(reason)));
}

void peer_log::tell(std::string_view event, const std::string& peer, std::string_view details) {
  note(log_level::info, news_, peer, line_of(event, peer, details));
}

// Each network has a budget, because a peer has a new port for each connection. All networks share
// another budget, because a flood may come from many networks.
void peer_log::note(log_level level, budget& lines, const std::string& peer, std::string line) {
  if (!is_logged(level)) return;
  auto now = now_();
  if (!lines.network.allow(network_of(peer), now) || !lines.all.allow("", now)) return;
  if (auto hidden = lines.network.take_refused() + lines.all.take_refused(); hidden > 0)
    line += " lines_left_out=" + std::to_string(hidden);
  log(level, line);
}

} // namespace patio
