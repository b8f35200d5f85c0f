/// Requests from code outside actors, without a thread or a blocking actor. A callback gets the
/// answer, or an error if the receiver ends without an answer.
#pragma once

#include <functional>
#include <future>

#include <caf/actor_cast.hpp>
#include <caf/actor_control_block.hpp>
#include <caf/message.hpp>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>

namespace PATIO_INTERNAL_API patio {

/// Sends `content` and calls `settle` once, on the thread that answers or drops the request. An
/// answer without content is an empty message. An error is a message with a caf::error. The error
/// is `no_answer` if the receiver ended without an answer.
void request_async(const caf::strong_actor_ptr& receiver, caf::message content,
                   std::function<void(caf::message&)> settle,
                   error no_answer = {errc::shut_down, {}, {}});

template <class Handle>
void request_async(const Handle& receiver, caf::message content,
                   std::function<void(caf::message&)> settle,
                   error no_answer = {errc::shut_down, {}, {}}) {
  request_async(caf::actor_cast<caf::strong_actor_ptr>(receiver), std::move(content),
                std::move(settle), std::move(no_answer));
}

/// Sends a request whose answer has no content. The future holds the answer.
std::future<result<void>> request_outcome(const caf::strong_actor_ptr& receiver,
                                          caf::message content);

template <class Handle>
std::future<result<void>> request_outcome(const Handle& receiver, caf::message content) {
  return request_outcome(caf::actor_cast<caf::strong_actor_ptr>(receiver), std::move(content));
}

} // namespace patio
