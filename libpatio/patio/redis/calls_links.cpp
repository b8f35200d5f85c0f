#include <patio/redis/calls.hpp>

#include <algorithm>
#include <utility>

// This file handles bytes, failures and deadlines on the connections of a caller.
namespace patio::redis {

void calls::receive(link_number number, std::string_view bytes, instant now) {
  auto* l = find(number);
  if (!l) return;
  bool became_ready = false;
  std::vector<resp> replies;
  auto ok = l->receive(bytes, now, replies, became_ready);
  auto* w = waiting_.find(number);
  if (!w && became_ready) command_ready(now);
  if (w) {
    receive_popped(*w, replies, now);
  } else if (ok || !replies.empty()) {
    std::vector<command_reply> handled;
    auto read = commands_.receive(replies, now, handled);
    for (const auto& reply : handled) std::visit([&](const auto& r) { handle(r, now); }, reply);
    if (ok) ok = std::move(read);
  }
  if (!ok && l->is_open()) end_link(*l, ok.error(), now);
  dial(now);
}

void calls::receive_popped(waiting_link& w, std::vector<resp>& replies, instant now) {
  for (auto& reply : replies) {
    auto answer = w.answered(std::move(reply));
    if (!answer) return end_link(w.connection, answer.error(), now);
    if (*answer) popped(std::move(**answer));
  }
  waiting_.ask_for_types(w, commands_, now);
  waiting_.ask(w, now);
}

void calls::command_ready(instant now) {
  out_.push_back(connection_news{});
  table_.each([&](call_number number, call& c) {
    if (c.owes_deletion) delete_token(number, c, now);
  });
  waiting_.each([&](waiting_link& w) {
    waiting_.ask_for_types(w, commands_, now);
    if (!w.needs_wake()) return;
    commands_.wake(w.wake_key(), now);
    w.set_woken(true);
  });
  send_held(now);
}

void calls::end_link(link& l, const error& why, instant now) {
  out_.push_back(redis::end_link{l.number()});
  closed(l.number(), why, now);
}

void calls::closed(link_number number, const error& why, instant now) {
  if (number == first_) command_lost(why, now);
  else if (auto* w = waiting_.find(number)) waiting_link_lost(*w, now);
  dial(now);
}

void calls::command_lost(const error& why, instant now) {
  auto lost = commands_.lost(why);
  if (commands_.connection.closed(why, now)) out_.push_back(log_line{"disconnected", text_of(why)});
  out_.push_back(connection_news{tl::unexpected(why)});
  waiting_.each([](waiting_link& w) { w.set_woken(false); });
  for (auto number : lost.unsent_tasks) { // the newest first
    auto* c = table_.find(number);
    if (!c || c->stage != call_stage::sent) continue;
    waiting_.remove(number, *c);
    c->stage = call_stage::held;
    held_.push_front(number);
  }
  for (auto number : lost.deletions)
    if (auto* c = table_.find(number)) c->owes_deletion = true;
  for (auto number : lost.tasks) {
    auto* c = table_.find(number);
    if (!c) continue;
    c->is_at_risk = true;
    if (!c->has_timeout && c->stage == call_stage::sent) prove(number, *c, proof_cause::lost, now);
  }
}

// The server may have popped one reply for this connection, which nobody gets any more.
void calls::waiting_link_lost(waiting_link& w, instant now) {
  auto asked = w.asked();
  w.connection.closed({errc::connect_failed, "the connection was lost", {}}, now);
  w.lost();
  for (auto number : asked) {
    auto* c = table_.find(number);
    if (!c || c->has_ended) continue;
    c->is_at_risk = true;
    if (!c->has_timeout && c->stage == call_stage::sent) prove(number, *c, proof_cause::lost, now);
  }
}

} // namespace patio::redis
