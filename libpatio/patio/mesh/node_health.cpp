// Which peers can be trusted with a call: those that answer, do not keep failing, and read.
#include <patio/mesh/node_connection.hpp>

namespace patio::mesh {
namespace {

constexpr std::size_t least_progress =
  1024; ///< bytes of a frame between two questions: no link that is used is slower

} // namespace

void node::congested(connection_id id, bool is) {
  auto* c = find(id);
  if (!c) return;
  c->congested = is;
  is ? router_.block(id) : router_.unblock(id);
}

void node::choose_or_avoid(const connection& c) {
  if (c.penalized || c.missed_refreshes > 0) router_.avoid(c.id);
  else router_.restore(c.id);
}

// The peer's kernel may answer for a process that does nothing any more, so it is the process that
// is asked.
void node::refresh(connection& c, instant now) {
  const auto& limits = options_.limits;
  // Its answer may wait behind a large frame, which must get on all the same.
  bool slow = std::exchange(c.heard, 0) >= least_progress && c.session.is_within_frame();
  slow |= c.congested || c.session.is_decoding(); // or our question behind what it reads, or its
                                                  // answer behind what we decode
  if (c.session.refreshing() && !slow) {
    ++c.missed_refreshes;
    choose_or_avoid(c);
    // A Python peer answers behind the functions that run for us, however long those take.
    bool excused = c.session.agreed() == protocol::extensions{} && c.session.outbound() > 0;
    if (c.missed_refreshes >= limits.missed_probes && !excused)
      return c.session.close(
        {errc::maybe_executed, "the peer has answered nothing for a while: it hangs", {}});
  } else if (!c.session.refreshing()) {
    c.session.refresh();
    note_change(c);
  }
  schedule(after(now, limits.probe_interval), {due::kind::refresh, 0, c.id});
}

// A peer that keeps failing calls is left alone for a while, then tried again: one more failure,
// and the while gets longer.
void node::judge(connection& c, const result<value>& r) {
  if (!r && (r.error().code == errc::cancelled || r.error().code == errc::undecodable)) return;
  // A Python peer says in no other way that its clock was the first to ring.
  bool late =
    !r
    && (r.error().code == errc::timeout || (!c.session.agreed().endings && is_timeout(r.error())));
  if (!late && (r || r.error().code != errc::overloaded)) {
    if (std::exchange(c.failures, 0) < options_.limits.failures_to_eject) return;
    c.penalty.succeeded();
    c.penalized = false;
    return choose_or_avoid(c);
  }
  if (++c.failures < options_.limits.failures_to_eject || c.penalized) return;
  c.penalized = true;
  choose_or_avoid(c);
  schedule(after(now_, c.penalty.failed()), {due::kind::restore, 0, c.id, ++c.penalties});
}

} // namespace patio::mesh
