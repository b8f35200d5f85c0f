#include <patio/mesh/peer_health.hpp>

#include <utility>

namespace patio::mesh {
namespace {

/// A peer that sends at least this many bytes of a frame between two probes makes progress. Every
/// usable link is faster.
constexpr std::size_t least_progress = 1024;

} // namespace

void peer_health::congested(connection& c, bool is_congested) {
  c.is_congested = is_congested;
  if (is_congested) core_.routes.block(c.id);
  else core_.routes.unblock(c.id);
}

void peer_health::update_route(const connection& c) {
  if (c.record.is_ejected || c.record.missed_probes > 0) core_.routes.eject(c.id);
  else core_.routes.readmit(c.id);
}

void peer_health::answered_probe(connection& c) {
  c.record.missed_probes = 0;
  update_route(c);
}

// Asks the peer's process. TCP cannot tell that a process hangs, because the peer's kernel still
// acknowledges bytes.
void peer_health::probe(connection& c) {
  const auto& limits = core_.options.limits;
  const auto& status = c.session.status();
  // A late answer does not count as missed in three cases: a large frame in front of the answer is
  // still arriving, the peer reads slowly and may not have the probe yet, or this node decodes an
  // earlier payload.
  bool progresses =
    std::exchange(c.record.heard, 0) >= least_progress && c.session.is_within_frame();
  bool is_slow = progresses || c.is_congested || status.is_decoding;
  if (status.is_probing && !is_slow) {
    ++c.record.missed_probes;
    update_route(c);
    // A Python peer answers only after the functions that it runs for this node, however long these
    // functions take.
    bool is_excused =
      status.agreed == protocol::extensions{} && c.session.outbound().requests() > 0;
    if (c.record.missed_probes >= limits.missed_probes && !is_excused)
      return c.session.close(
        {errc::maybe_executed, "the peer did not answer the last probes and seems to hang", {}});
  } else if (!status.is_probing) {
    c.session.probe();
    core_.note_output(c);
  }
  core_.schedule(after(core_.now, limits.probe_interval), probe_due{c.id});
}

void peer_health::record_outcome(connection& c, const result<value>& outcome) {
  auto& record = c.record;
  if (!outcome
      && (outcome.error().code == errc::cancelled || outcome.error().code == errc::undecodable))
    return;
  // A peer without the extension `endings`, such as a Python peer, reports a timeout as an
  // exception.
  bool is_late = !outcome
                 && (outcome.error().code == errc::timeout
                     || (!c.session.status().agreed.endings && is_timeout(outcome.error())));
  auto max = core_.options.limits.failures_to_eject;
  if (!is_late && (outcome || outcome.error().code != errc::overloaded)) {
    if (std::exchange(record.failures, 0) < max) return;
    record.ejection_time.succeeded();
    record.is_ejected = false;
    return update_route(c);
  }
  if (++record.failures < max || record.is_ejected) return;
  record.is_ejected = true;
  update_route(c);
  core_.schedule(after(core_.now, record.ejection_time.failed()),
                 readmit_due{c.id, ++record.ejections});
}

void peer_health::readmit(connection& c, std::uint64_t ejection) {
  if (c.record.ejections != ejection) return; // the peer has been ejected again
  c.record.is_ejected = false;
  update_route(c);
}

} // namespace patio::mesh
