#include <patio/actors/net/read_switch.hpp>

#include <new>

#include <caf/actor_cast.hpp>
#include <caf/io/middleman.hpp>

namespace patio::net {

read_switch::read_switch(caf::io::broker* owner, caf::io::connection_handle connection)
    : state_{std::make_shared<state>(state{owner, connection})} {
  note_change(state_);
}

void read_switch::set(bool on) {
  state_->wanted = on;
  apply(state_);
}

void read_switch::apply(const std::shared_ptr<state>& s) {
  if (s->closed || s->has_changed || s->wanted == s->current) return;
  note_change(s);
  s->current = s->wanted;
  if (s->current) s->owner->trigger(s->connection);
  else s->owner->halt(s->connection);
}

// A posted function runs in the next round of CAF's loop.
void read_switch::note_change(const std::shared_ptr<state>& s) {
  auto in_next_round = [alive = caf::actor_cast<caf::strong_actor_ptr>(s->owner), s] {
    s->has_changed = false;
    try {
      apply(s);
    } catch (const std::bad_alloc&) { // the next change tries again
    }
  };
  s->owner->system().middleman().backend().post(std::move(in_next_round));
  s->has_changed = true;
}

} // namespace patio::net
