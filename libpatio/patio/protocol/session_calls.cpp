// A session's requests and answers, in both directions.
#include <patio/protocol/session.hpp>

#include <utility>

namespace patio::protocol {
namespace {

std::string refused_request(std::uint32_t serial) {
  return "REQUEST " + std::to_string(serial) + " refused";
}

/// An error that a function raised goes to its caller only. A refused call also goes to the log.
bool is_for_the_log(const error& e) noexcept {
  if (e.code == errc::remote_error) return !e.message.empty();
  return e.code != errc::timeout && e.code != errc::cancelled && e.code != errc::no_route;
}

} // namespace

void session::handle_request(const frame_header& header, decode_job::request& r) {
  auto refuse = [&](error why) {
    output_.put_error(header.serial, why, status_.agreed.endings);
    events_.push(refused_input{in_context(refused_request(header.serial), std::move(why))});
  };
  if (!r.call) {
    auto& why = r.call.error();
    if (why.code == errc::overloaded) return refuse(std::move(why));
    return refuse(
      in_context("undecodable request", {errc::undecodable, text_of(why), {}, why.exceeded}));
  }
  if (auto why = inbound_.refusal(*r.call, options_->limits)) return refuse(std::move(*why));
  auto id = inbound_.add(header.serial);
  events_.push(request_arrived{id, std::move(*r.call), r.bytes});
}

void session::answer(request_id id, const result<value>& r) {
  auto stop = inbound_.take(id);
  if (!stop) return;
  if (r) {
    output_.put_result(id.serial, *r);
  } else {
    const auto& why = r.error();
    output_.put_error(id.serial, why, status_.agreed.endings);
    if (is_for_the_log(why))
      events_.push(
        refused_input{{why.code, to_string(why), {}, why.exceeded, {refused_request(id.serial)}}});
  }
  stop->request_stop();
}

void session::answer_pickled(request_id id, const result<std::string>& r) {
  auto stop = inbound_.take(id);
  if (!stop) return;
  if (r) output_.put(packet::response, id.serial, *r);
  else output_.put_unsendable(id.serial, r.error());
  stop->request_stop();
}

result<std::uint32_t> session::request(std::uint64_t token, const call_request& call,
                                       queue_number queue) {
  if (state_ != state::ready) return fail(errc::not_sent, "the connection is not open");
  if (status_.peer_went_away) return fail(errc::not_sent, "the peer is shutting down");
  if (auto waiting = outbound_.requests(); waiting >= options_->limits.outbound_calls)
    return fail(errc::overloaded, limit::outbound_calls,
                std::to_string(waiting) + " calls wait for this peer's answers");
  auto serial = outbound_.add(outbound_requests::kind::request, token, output_.position());
  auto put = output_.put_request(serial, call);
  if (put) {
    credit_.count_request(queue);
    return serial;
  }
  (void)outbound_.take(serial);
  return tl::unexpected(std::move(put.error()));
}

bool session::abandon(std::uint32_t serial, bool is_cancelled) {
  if (!outbound_.abandon(serial)) return false;
  if (is_cancelled && status_.agreed.cancel) output_.put(packet::cancel, serial, "\x80\x05N.");
  return true;
}

// The request may have ended while its answer was being decoded.
void session::handle_answer(const frame_header& header, result<value>& payload) {
  auto token = end_of_request(header);
  if (!token) return;
  if (!payload) {
    auto why = std::move(payload.error());
    refused_input for_log{in_context(describe(header) + " refused",
                                     {errc::undecodable, text_of(why), {}, why.exceeded})};
    bool raised = why.exception.kind() == kind::exception;
    if (raised) why = remote_error(std::move(why.exception));
    events_.push(request_ended{*token, tl::unexpected(std::move(why))});
    return events_.push(std::move(for_log));
  }
  if (header.type == packet::response)
    return events_.push(request_ended{*token, std::move(*payload)});
  if (payload->kind() != kind::exception)
    return events_.push(request_ended{
      *token, fail(errc::undecodable, "the peer's ERROR frame does not hold an exception")});
  auto raised = status_.agreed.endings ? from_noted_exception(std::move(*payload))
                                       : remote_error(std::move(*payload));
  events_.push(request_ended{*token, tl::unexpected(std::move(raised))});
}

// Returns the token of the request that this frame answers. If there is no such request, counts the
// frame as an unexpected answer, or closes the session.
std::optional<std::uint64_t> session::end_of_request(const frame_header& answer) {
  if (outbound_.awaits(outbound_requests::kind::request, answer.serial))
    return outbound_.take(answer.serial)->token;
  if (outbound_.awaits_any(answer.serial))
    close({errc::protocol, describe(answer) + " does not answer a REQUEST", {}});
  else if (!outbound_.tolerate_answer(options_->limits.unknown_serials))
    close({errc::protocol, "too many answers that nobody waits for", {}, limit::unknown_serials});
  return {};
}

} // namespace patio::protocol
