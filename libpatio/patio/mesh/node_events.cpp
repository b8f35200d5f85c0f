// Handles the events of a node's sessions.
#include <patio/mesh/node.hpp>

namespace patio::mesh {

/// Handles the events that do not belong to every call. Each function returns false if the
/// connection has ended.
struct node::session_handler {
  node& self;
  connection& c;

  bool operator()(protocol::session_ready&) const {
    auto& core = self.core_;
    self.logins_.remove(c.id);
    core.routes.serve(c.id, c.names);
    c.is_announced = true;
    core.tell(peer_ready{c.info()});
    if (core.is_draining) c.session.go_away();
    self.credit_.begin(c);
    core.schedule(after(core.now, core.options.limits.probe_interval), probe_due{c.id});
    self.outbound_.serve(c);
    return true;
  }

  bool operator()(protocol::names_served& served) const {
    c.names = std::move(served.names);
    self.health_.answered_probe(c);
    // The first names come before session_ready, which serves them.
    if (c.is_announced && !c.session.status().peer_went_away) self.outbound_.serve(c);
    return true;
  }

  bool operator()(protocol::request_cancelled& cancelled) const {
    self.inbound_.answer({c.id, cancelled.id},
                         fail(errc::cancelled, "the caller cancelled the call"));
    return true;
  }

  bool operator()(protocol::question_answered& answered) const {
    self.core_.tell(answer_received{answered.token, std::move(answered.description)});
    return true;
  }

  bool operator()(protocol::credit_event& event) const { return std::visit(*this, event.what); }

  bool operator()(protocol::queues_told& told) const {
    c.queues.replace(std::move(told.queues));
    self.outbound_.resume(c);
    return true;
  }

  bool operator()(protocol::credit_granted&) const {
    self.outbound_.resume(c);
    return true;
  }

  // The credit that the peer asks for is granted after the frames that have arrived with the
  // report.
  bool operator()(protocol::credit_used& report) const {
    self.credit_.used(c, report.used);
    return true;
  }

  bool operator()(protocol::peer_went_away&) const {
    self.core_.routes.remove(c.id);
    return true;
  }

  bool operator()(protocol::refused_input& event) const {
    auto why = std::move(event.why);
    self.core_.counts.count(why, self.core_.options.limits);
    self.core_.tell(log_line{c.address, text_of(why)});
    return true;
  }

  bool operator()(protocol::payload_to_decode& payload) const {
    self.core_.tell(decode_payload{c.id, std::move(payload.job)});
    return true;
  }

  // Removes the route first, so that a retry of a lost call does not pick this connection again.
  bool operator()(protocol::session_closed& closed) const {
    auto& core = self.core_;
    core.routes.remove(c.id);
    self.logins_.remove(c.id);
    auto text = text_of(closed.why);
    core.events.reserve(core.events.size() + closed.unanswered.size() + 1);
    closed.unanswered.drain([&](std::uint32_t, protocol::awaited_answer&& lost) {
      using kind = protocol::awaited_answer::kind;
      if (lost.what == kind::request) self.outbound_.lose(c, lost.token, closed.loss(lost), text);
      else if (lost.what == kind::ping || lost.what == kind::description)
        core.tell(call_finished{lost.token, fail(closed.loss(lost), text)});
    });
    core.counts.count(closed.why, core.options.limits);
    std::string last_bytes;
    c.take_output(last_bytes);
    // Includes the deadline of the login or of the next probe.
    core.deadlines.settled(2 + closed.running);
    core.tell(connection_closed{c.id, std::move(closed.why), std::move(last_bytes), c.is_silent()});
    core.connections.erase(c.id);
    return false;
  }

  bool operator()(protocol::request_arrived&) const { return true; } // see handle_events
  bool operator()(protocol::request_ended&) const { return true; }
};

// Removes an event from the queue only after the event has been handled. If memory runs out, the
// event is handled again later. An answer to a request may add one event; the queue has room for
// it.
bool node::handle_events(connection& c, protocol::decode_job* job) {
  struct at_end {
    outbound_calls& calls;
    ~at_end() { calls.resume_after_changes(); }
  } after_all{outbound_};
  auto& queue = c.session.events();
  while (!queue.empty()) {
    auto& front = queue.front();
    if (auto* arrived = std::get_if<protocol::request_arrived>(&front)) {
      inbound_.begin(c, *arrived);
      if (job) job->give_back(std::move(arrived->call));
      queue.pop();
      continue;
    }
    if (auto* ended = std::get_if<protocol::request_ended>(&front))
      outbound_.end(c, ended->token, std::move(ended->outcome));
    else if (!std::visit(session_handler{*this, c}, front)) return false;
    queue.pop();
  }
  return true;
}

} // namespace patio::mesh
