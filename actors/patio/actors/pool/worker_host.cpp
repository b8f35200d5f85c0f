#include <patio/actors/pool/worker_host.hpp>

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>

#include <patio/actors/caf/error.hpp>

namespace patio {

worker_host::worker_host(caf::event_based_actor* self) : self_{self} {
  self_->set_down_handler([this](caf::down_msg& down) { on_down(down); });
}

worker_host::~worker_host() {
  for (auto& [token, call] : waiting_)
    call.answer.answer(fail(errc::shut_down, "the executor has shut down"));
  // Ends the functions' actors: an actor that waits for a message would keep the actor system from
  // ending.
  for (auto& [function, actor] : instances_)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

caf::actor worker_host::instance(const void* function, const std::function<caf::actor()>& spawner) {
  auto& known = instances_[function];
  if (!known) known = spawner();
  return known;
}

std::uint64_t worker_host::begin_call(const caf::actor& target, reply&& answer) {
  auto token = ++last_token_;
  watch(target.address());
  waiting_.emplace(token, waiting_call{std::move(answer), target.address()});
  return token;
}

void worker_host::end_call(std::uint64_t token, result<value> r) {
  auto call = waiting_.extract(token);
  if (call.empty()) return;
  unwatch(call.mapped().target);
  call.mapped().answer.answer(std::move(r));
  if (waiting_.empty() && on_idle_) on_idle_();
}

// All calls to a target share one monitor, because CAF's demonitor searches all monitors of the
// target and removes all of ours.
void worker_host::watch(const caf::actor_addr& target) {
  if (++watched_[target] == 1) self_->monitor(target);
}

void worker_host::unwatch(const caf::actor_addr& target) {
  auto at = watched_.find(target);
  if (--at->second > 0) return;
  watched_.erase(at);
  self_->demonitor(target);
}

void worker_host::on_down(const caf::down_msg& down) {
  std::erase_if(instances_,
                [&](const auto& known) { return known.second.address() == down.source; });
  std::vector<std::uint64_t> lost;
  for (const auto& [token, call] : waiting_)
    if (call.target == down.source) lost.push_back(token);
  for (auto token : lost) end_call(token, tl::unexpected(actor_gone(caf::to_string(down.reason))));
}

error worker_host::request_failed(const caf::error& reason) {
  if (reason == caf::sec::request_receiver_down || reason.category() == caf::atom("exit"))
    return actor_gone(caf::to_string(reason));
  if (reason == caf::sec::request_timeout)
    return remote_error(value::exception("builtins.TimeoutError", {caf::to_string(reason)}));
  // from_caf would convert CAF's own errors to errors of this node. Here an actor has passed such
  // an error on as its answer.
  if (reason.category() == caf::atom("system"))
    return remote_error(value::exception("builtins.RuntimeError", {caf::to_string(reason)}));
  return from_caf(reason);
}

error worker_host::actor_gone(const std::string& reason) {
  return remote_error(value::exception("builtins.RuntimeError",
                                       {"the actor that ran the function ended: " + reason}));
}

} // namespace patio
