#include <patio/redis/calls.hpp>

#include <utility>

#include <patio/value/repr.hpp>

// Calls end by replies or at deadlines, with and without proof.
namespace patio::redis {
namespace {

/// The end of a call whose token this node has deleted, so that nobody has begun the call.
error not_executed(const call& c) {
  auto name = quoted(c.function);
  error why{errc::timeout, name + " was not executed: no server began it in time", {}};
  if (c.cause == proof_cause::overloaded)
    why = {errc::overloaded, "too many tasks wait for " + name + ", which was not executed", {}};
  if (c.cause == proof_cause::lost)
    why = {errc::not_sent, "the connection was lost, and " + name + " was not executed", {}};
  if (c.cause == proof_cause::cancelled) why = {errc::cancelled, {}, {}};
  if (c.cause == proof_cause::refused) why = *c.refusal;
  if (c.cause == proof_cause::unanswerable)
    why = {errc::not_sent, name + " was not executed: " + c.refusal->message, {}};
  why.remedy = remedy::repetition;
  return why;
}

/// The end of a call that may have begun.
error maybe_executed(const call& c) {
  auto name = quoted(c.function);
  if (c.cause == proof_cause::cancelled) return {errc::cancelled, {}, {}};
  if (c.cause == proof_cause::unanswerable)
    return {errc::maybe_executed, name + " may have run: " + c.refusal->message, {}};
  if (c.cause == proof_cause::lost || c.is_at_risk)
    return {errc::maybe_executed,
            "a connection to Redis was lost, and no reply to " + name + " came",
            {}};
  return {errc::timeout, name + " may have begun, and no reply came in time", {}};
}

/// True if the call goes on once a server has begun it.
bool may_go_on(const call& c) noexcept {
  return c.cause == proof_cause::overloaded || c.cause == proof_cause::refused;
}

} // namespace

void calls::cancel(call_number number, instant now) {
  auto* c = table_.find(number);
  if (!c || c->has_ended) return;
  table_.finish(*c, fail(errc::cancelled, {}));
  if (c->stage == call_stage::held) return erase(number);
  prove(number, *c, proof_cause::cancelled, now);
}

// The deletion of the token decides. A call that has ended already is only tidied up.
void calls::prove(call_number number, call& c, proof_cause cause, instant now) {
  bool is_under_way = c.stage == call_stage::proving && !c.owes_deletion;
  c.stage = call_stage::proving;
  c.cause = cause;
  auto wait =
    cause == proof_cause::lost ? options_->limits.connect_timeout : options_->tuning.proof_timeout;
  table_.schedule(number, c, after(now, wait));
  if (!is_under_way) delete_token(number, c, now);
}

void calls::delete_token(call_number number, call& c, instant now) {
  c.owes_deletion = !commands_.connection.is_ready();
  if (!c.owes_deletion) commands_.delete_token(number, c.reply_to, now);
}

void calls::expire(call_number number, call& c, instant now) {
  const auto& command = commands_.connection;
  switch (c.stage) {
  case call_stage::held: {
    auto why = command.is_ready() || command.last_failure().empty()
                 ? std::string{"the server does not read fast enough"}
                 : "no connection to " + to_string(options_->url) + ": " + command.last_failure();
    table_.finish(c, fail(errc::not_sent, std::move(why)));
    return erase(number);
  }
  case call_stage::sent:
    if (command.is_ready()) return prove(number, c, proof_cause::deadline, now);
    c.cause = proof_cause::deadline;
    c.owes_deletion = true;
    return end_unproven(number, c, now);
  case call_stage::proving:
    if (!may_go_on(c)) return end_unproven(number, c, now);
    c.stage = call_stage::sent;
    return table_.schedule(number, c, c.deadline);
  case call_stage::late: return erase(number);
  }
}

void calls::end_unproven(call_number number, call& c, instant now) {
  table_.finish(c, tl::unexpected(maybe_executed(c)));
  if (auto oldest = table_.retire(number, c, after(now, options_->tuning.late_replies)))
    erase(*oldest);
}

void calls::erase(call_number number) {
  const auto* c = table_.find(number);
  if (!c) return;
  waiting_.remove(number, *c);
  table_.erase(number);
}

void calls::handle(const task_sent& reply, instant now) {
  auto* c = table_.find(reply.number);
  if (!c) return;
  if (reply.refused && reply.is_sent) {
    if (c->stage != call_stage::sent) return;
    c->refusal = std::make_unique<error>(*reply.refused);
    return prove(reply.number, *c, proof_cause::refused, now);
  }
  if (reply.refused) {
    table_.finish(*c, tl::unexpected(*reply.refused));
    // One command of the transaction may have succeeded, so the token may be there.
    commands_.delete_token(reply.number, c->reply_to, now);
    return erase(reply.number);
  }
  if (reply.queue_length > options_->tuning.queue_length && c->stage == call_stage::sent)
    prove(reply.number, *c, proof_cause::overloaded, now);
}

void calls::handle(const token_deleted& reply, instant now) {
  auto* c = table_.find(reply.number);
  if (!c) return;
  if (reply.was_there) {
    commands_.remove_task(*c, now);
    table_.finish(*c, tl::unexpected(not_executed(*c)));
    return erase(reply.number);
  }
  bool is_late = c->stage == call_stage::late;
  if (c->stage != call_stage::proving && !is_late) return;
  if (!is_late && may_go_on(*c)) { // a server was faster: the call goes on
    c->stage = call_stage::sent;
    return table_.schedule(reply.number, *c, c->deadline);
  }
  // The server knows the deadline, but nothing else that ends a call.
  if (c->cause != proof_cause::deadline) commands_.cancel(*c, now);
  if (!is_late) end_unproven(reply.number, *c, now);
}

// A call whose key is no list gets no reply, so it ends now, and the other calls of the link go on.
void calls::handle(const key_type& answer, instant now) {
  auto* w = waiting_.find(answer.owner);
  if (!w || !w->is_in_doubt()) return;
  w->take(answer);
  if (answer.refused) {
    out_.push_back(log_line{"refused", text_of(*answer.refused)});
    return end_link(w->connection, *answer.refused, now);
  }
  call_number number = 0;
  auto* c = table_.find(answer.key.substr(0, answer.key.rfind(':')), number);
  if (c && !answer.may_be_list()) {
    error why{errc::protocol,
              "the key " + quoted(answer.key, 200) + " is a " + answer.type
                + " and not a list, so no reply can come; delete the key",
              {}};
    out_.push_back(log_line{"refused", "a call of " + quoted(c->function) + ": " + why.message});
    waiting_.remove(number, *c);
    if (c->has_ended) erase(number);
    else {
      c->refusal = std::make_unique<error>(std::move(why));
      prove(number, *c, proof_cause::unanswerable, now);
    }
  }
  waiting_.ask(*w, now);
}

void calls::popped(popped_reply reply) {
  call_number number = 0;
  auto* c = table_.find(reply.reply_to, number);
  if (!c) return;
  const auto& limits = options_->limits;
  if (reply.body.skipped_bytes > 0)
    table_.finish(*c, fail(errc::undecodable, limit::frame_bytes,
                           "the reply has " + std::to_string(reply.body.skipped_bytes) + " bytes"));
  else if (!c->has_ended)
    table_.finish(*c, read_reply(reply.is_error, reply.body.text, limits.pickle, options_->types));
  erase(number);
}

} // namespace patio::redis
