#include <patio/protocol/session_rules.hpp>

#include <patio/value/repr.hpp>

namespace patio::protocol {
namespace {

constexpr packet tls_handshake{22}; ///< the first byte of a TLS connection

/// True if the packet belongs to an extension that this side has announced.
bool is_announced(packet type, const extensions& ours) noexcept {
  switch (type) {
  case packet::cancel: return ours.cancel;
  case packet::leaving:
  case packet::leaving_ok: return ours.leaving;
  case packet::queues:
  case packet::credit:
  case packet::credit_used: return ours.credit;
  case packet::describe:
  case packet::description: return ours.describe;
  default: return false;
  }
}

bool is_discovery(packet type) noexcept {
  return type == packet::discover_request || type == packet::discover_response;
}

bool is_lawful(packet type, enum session::state now, packet login_expects,
               const extensions& ours) noexcept {
  switch (now) {
  case session::state::login: return type == login_expects;
  case session::state::discovery: return is_discovery(type);
  case session::state::ready:
    return type == packet::request || type == packet::response || type == packet::error
           || is_discovery(type) || is_announced(type, ours);
  case session::state::closed: return false;
  }
  return false;
}

} // namespace

std::optional<std::string> why_unlawful(const frame_header& header, enum session::state now,
                                        packet login_expects, const extensions& ours,
                                        const frame_reader& reader) {
  if (is_lawful(header.type, now, login_expects, ours)) return {};
  if (now == session::state::login && header.type == tls_handshake)
    return "the peer speaks TLS, and this node does not";
  if (!is_known(header.type))
    return "unknown packet type " + std::to_string(static_cast<int>(header.type)) + " in "
           + brief(value::bytes(reader.head(snippet_bytes)));
  static constexpr const char* places[] = {"the login", "discovery", "an open connection",
                                           "a closed connection"};
  return describe(header) + " has no place in " + places[static_cast<std::size_t>(now)];
}

} // namespace patio::protocol
