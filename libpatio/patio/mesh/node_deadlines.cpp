// Handles the deadlines of a node: calls in both directions, logins, probes, outliers.
#include <patio/mesh/node.hpp>

#include <new>

#include <patio/protocol/timeout.hpp>
#include <patio/value/repr.hpp>

namespace patio::mesh {

struct node::due_handler {
  node& self;

  void operator()(const call_due& d) const { self.outbound_.expire(d.call); }
  void operator()(const inbound_due& d) const {
    self.answer(d.id, fail(errc::timeout, d.is_own_timeout
                                            ? "the function took longer than its own timeout allows"
                                            : "the function took longer than its caller allowed"));
  }
  void operator()(const login_due& d) const {
    auto& core = self.core_;
    auto& c = *core.find(d.id);
    if (c.is_ready()) return core.schedule(core.now + std::chrono::minutes{1}, forgive_due{d.id});
    auto within = brief(seconds_left(core.options.limits.handshake_timeout, instant::zero()));
    c.session.close(
      {errc::login_refused, "no login within " + within + " s", {}, limit::handshake_timeout});
    self.handle_events(c);
  }
  void operator()(const forgive_due& d) const {
    auto& core = self.core_;
    core.find(d.id)->session.outbound().forgive();
    core.schedule(core.now + std::chrono::minutes{1}, d);
  }
  void operator()(const probe_due& d) const {
    auto& c = *self.core_.find(d.id);
    self.health_.probe(c);
    self.handle_events(c);
  }
  void operator()(const readmit_due& d) const {
    self.health_.readmit(*self.core_.find(d.id), d.ejection);
  }
  void operator()(const credit_due& d) const {
    self.credit_.bytes_may_be_free(*self.core_.find(d.id));
  }
};

/// Returns whether a deadline still concerns something that exists.
struct node::liveness {
  node& self;

  bool operator()(const call_due& d) const { return self.outbound_.is_under_way(d.call); }
  bool operator()(const inbound_due& d) const { return self.inbound_.is_running(d.id); }
  template <class Due>
  bool operator()(const Due& d) const {
    return self.core_.find(d.id) != nullptr;
  }
};

void node::purge_deadlines() {
  core_.deadlines.purge([this](const due& d) { return std::visit(liveness{*this}, d); });
}

void node::tick(instant now) {
  core_.now = now;
  if (std::exchange(core_.retry_at, never) != never) {
    for (auto id : core_.connection_ids()) {
      try {
        if (auto* c = core_.find(id)) (void)process(*c);
      } catch (const std::bad_alloc&) { // `process` has set the next retry
      }
    }
  }
  while (auto d = core_.deadlines.pop_due(now)) {
    try {
      if (std::visit(liveness{*this}, *d)) std::visit(due_handler{*this}, *d);
    } catch (const std::bad_alloc&) {
      core_.retry_at = now + std::chrono::milliseconds{10};
      core_.schedule(core_.retry_at, *d); // pop_due has removed the entry
    }
  }
  credit_.update_all();
  outbound_.resume_after_changes();
  purge_deadlines();
}

} // namespace patio::mesh
