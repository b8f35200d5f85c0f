#include <patio/actors/pool/worker_host.hpp>

#include <caf/exit_reason.hpp>
#include <caf/sec.hpp>
#include <caf/send.hpp>

#include <patio/actors/caf/defaults.hpp>
#include <patio/actors/caf/error.hpp>

namespace patio {

worker_host::worker_host(caf::event_based_actor* self) : self_{self} {
  self_->set_down_handler([this](caf::down_msg& down) { on_down(down); });
}

worker_host::~worker_host() {
  for (auto& [token, call] : waiting_)
    call.to.answer(fail(errc::shut_down, "the executor has shut down"));
  // They may have something to wait for, and would keep the actor system from ending until then.
  for (auto& [function, actor] : instances_)
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
}

caf::actor worker_host::instance(const void* function, const std::function<caf::actor()>& make) {
  auto& known = instances_[function];
  if (!known) known = make();
  return known;
}

std::uint64_t worker_host::begin(const caf::actor& target, reply&& to) {
  auto token = ++last_token_;
  watch(target.address());
  waiting_.emplace(token, waiting_call{std::move(to), target.address()});
  return token;
}

void worker_host::end(std::uint64_t token, result<value> r) {
  auto call = waiting_.extract(token);
  if (call.empty()) return;
  unwatch(call.mapped().target);
  call.mapped().to.answer(std::move(r));
  if (waiting_.empty() && when_idle_) when_idle_();
}

// One monitor for all calls: CAF's demonitor takes every one of ours from the target, having looked
// through all that it has.
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
  for (auto token : lost) end(token, tl::unexpected(gone(caf::to_string(down.reason))));
}

error worker_host::failure(const caf::error& why) {
  if (why == caf::sec::request_receiver_down || why.category() == caf::atom("exit"))
    return gone(caf::to_string(why));
  if (why == caf::sec::request_timeout)
    return remote_error(value::exception("builtins.TimeoutError", {caf::to_string(why)}));
  // An error of the system's that some actor passed on says nothing of this node.
  if (why.category() == caf::atom("system"))
    return remote_error(value::exception("builtins.RuntimeError", {caf::to_string(why)}));
  return from_caf(why);
}

error worker_host::gone(const std::string& why) {
  return remote_error(
    value::exception("builtins.RuntimeError", {"the actor that ran the function ended: " + why}));
}

} // namespace patio
