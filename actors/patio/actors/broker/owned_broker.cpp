#include <patio/actors/broker/owned_broker.hpp>

#include <future>

#include <patio/actors/caf/callback_actor.hpp>

namespace patio {

void shut_down(const broker_actor& broker) {
  std::promise<void> ended;
  request_async(broker, caf::make_message(shut_down_atom::value),
                [&ended](caf::message&) { ended.set_value(); });
  ended.get_future().wait();
}

} // namespace patio
