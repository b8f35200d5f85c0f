#include <patio/actors/caf/callback_actor.hpp>

#include <atomic>
#include <memory>
#include <utility>

#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/make_actor.hpp>
#include <caf/monitorable_actor.hpp>

#include <patio/actors/caf/error.hpp>

namespace patio {
namespace {

/// The sender of one request. Every actor and promise that can still answer the request holds a
/// reference to the sender. The sender's destruction therefore means that no answer will come.
class callback_actor final : public caf::monitorable_actor {
public:
  callback_actor(caf::actor_config& cfg, std::function<void(caf::message&)> settle, error no_answer)
      : caf::monitorable_actor{cfg}, settle_{std::move(settle)}, no_answer_{std::move(no_answer)} {}

  ~callback_actor() override {
    if (settled_) return;
    auto content = caf::make_message(to_caf(no_answer_));
    settle(content);
  }

  void enqueue(caf::mailbox_element_ptr answer, caf::execution_unit*) override {
    if (!answer) return;
    auto content = answer->move_content_to_message();
    settle(content);
  }

  const char* name() const override { return "patio.callback_actor"; }

private:
  void settle(caf::message& content) {
    if (!settled_.exchange(true)) settle_(content);
  }

  std::function<void(caf::message&)> settle_;
  error no_answer_;
  std::atomic<bool> settled_{false};
};

} // namespace

void request_async(const caf::strong_actor_ptr& receiver, caf::message content,
                   std::function<void(caf::message&)> settle, error no_answer) {
  caf::actor_config cfg;
  auto& sys = receiver->get()->home_system();
  auto sender = caf::make_actor<callback_actor, caf::strong_actor_ptr>(
    sys.next_actor_id(), sys.node(), &sys, cfg, std::move(settle), std::move(no_answer));
  receiver->enqueue(sender, caf::make_message_id(1), std::move(content), nullptr);
}

std::future<result<void>> request_outcome(const caf::strong_actor_ptr& receiver,
                                          caf::message content) {
  auto promise = std::make_shared<std::promise<result<void>>>();
  auto future = promise->get_future();
  request_async(receiver, std::move(content), [promise](caf::message& m) {
    if (!m.match_elements<caf::error>()) return promise->set_value({});
    promise->set_value(tl::unexpected(from_caf(m.get_as<caf::error>(0))));
  });
  return future;
}

} // namespace patio
