// Requests and their answers, ours and the peer's.
#include <patio/protocol/session.hpp>

#include <patio/pickle/pickle.hpp>
#include <patio/value/repr.hpp>

namespace patio::protocol {
namespace {

error python(const char* type, const std::string& text) {
  return remote_error(value::exception(std::string{"builtins."} + type, {text}));
}

} // namespace

void session::refuse_oversize(const frame_header& h, error why) {
  switch (h.type) {
  case packet::request:
    if (inbound_.contains(h.serial))
      return fail(errc::protocol, describe(h) + " came again before its answer");
    return put_error(h.serial, why);
  case packet::response:
  case packet::error:
    if (auto token = end_of_request(h)) events_.on_result(*token, tl::unexpected(std::move(why)));
    return;
  default: return fail(errc::protocol, std::move(why.message), why.exceeded);
  }
}

void session::handle_request(const frame_header& header, decode_job::request& r) {
  auto serial = header.serial;
  auto& call = r.call;
  if (!call && call.error().code == errc::overloaded)
    return refuse_request(serial, std::move(call.error()));
  if (!call)
    return refuse_request(serial, {errc::undecodable,
                                   "undecodable request: " + call.error().message,
                                   {},
                                   call.error().exceeded});
  if (auto why = refusal(*call, r.bytes)) return refuse_request(serial, std::move(*why));
  request_id id{serial, ++last_number_};
  current_.emplace(serial, inbound_request{id.number, r.bytes});
  events_.on_request(id, std::move(*call));
  if (!current_ || state_ == state::closed)
    return current_.reset(); // answered, or nobody is left to be answered
  inbound_bytes_ += r.bytes;
  inbound_.insert(std::move(*current_));
  current_.reset();
}

std::optional<error> session::refusal(const call_request& call, std::size_t bytes) const {
  const auto& limits = options_->limits;
  if (inbound_.size() >= limits.inbound_calls)
    return error{errc::overloaded,
                 "overloaded: " + std::to_string(inbound_.size())
                   + " calls are running for this connection",
                 {},
                 limit::inbound_calls};
  if (inbound_bytes_ + bytes > limits.inbound_bytes && !inbound_.empty())
    return error{errc::overloaded,
                 "overloaded: the calls running for this connection hold "
                   + std::to_string(inbound_bytes_) + " bytes",
                 {},
                 limit::inbound_bytes};
  if (call.function.size() > limits.name_bytes)
    return error{errc::undecodable,
                 "the function's name has more than " + std::to_string(limits.name_bytes)
                   + " bytes",
                 {},
                 limit::name_bytes};
  if (call.args.keywords.size() > limits.keywords_per_call)
    return error{errc::undecodable,
                 "more than " + std::to_string(limits.keywords_per_call) + " keyword arguments",
                 {},
                 limit::keywords_per_call};
  return {};
}

void session::refuse_request(std::uint32_t serial, error why) {
  put_error(serial, why);
  why.message = "REQUEST " + std::to_string(serial) + " refused: " + why.message;
  events_.on_refused(std::move(why));
}

// An answer may have crossed it, and then there is nothing left to cancel.
void session::handle_cancel(std::uint32_t serial) {
  if (auto at = inbound_.find(serial); at != inbound_.end())
    events_.on_cancel({serial, at->second.number});
}

const session::inbound_request* session::running(request_id id) const {
  if (current_ && current_->first == id.serial && current_->second.number == id.number)
    return &current_->second;
  auto at = inbound_.find(id.serial);
  return at != inbound_.end() && at->second.number == id.number ? &at->second : nullptr;
}

std::stop_token session::over(request_id id) {
  auto* request = const_cast<inbound_request*>(running(id));
  if (!request || state_ == state::closed) {
    std::stop_source long_since;
    long_since.request_stop();
    return long_since.get_token();
  }
  if (!request->over.stop_possible()) request->over = std::stop_source{};
  return request->over.get_token();
}

void session::answer(request_id id, const result<value>& r) {
  end_inbound(id, [&] { put_answer(id.serial, r); });
}

void session::answer_pickled(request_id id, const result<std::string>& r) {
  end_inbound(id, [&] {
    r ? put_raw(packet::response, id.serial, *r) : put_unsendable(id.serial, r.error());
  });
}

template <class Put>
void session::end_inbound(request_id id, Put put) {
  if (state_ == state::closed || !running(id)) return;
  std::stop_source over{std::nostopstate};
  if (current_ && current_->second.number == id.number) {
    over = std::move(current_->second.over);
    current_.reset();
  } else {
    auto ended = inbound_.extract(id.serial);
    inbound_bytes_ -= ended.mapped().bytes;
    over = std::move(ended.mapped().over);
  }
  put();
  over.request_stop();
}

void session::put_answer(std::uint32_t serial, const result<value>& r) {
  if (!r) {
    put_error(serial, r.error());
    // What a function raises is its caller's business; what was never given to it is the node's.
    auto code = r.error().code;
    bool known = code == errc::timeout || code == errc::cancelled
                 || code == errc::no_route; // to whoever answers
    bool refused = code == errc::remote_error ? !r.error().message.empty() : !known;
    if (refused)
      events_.on_refused({code,
                          "REQUEST " + std::to_string(serial) + " refused: " + to_string(r.error()),
                          {},
                          r.error().exceeded});
    return;
  }
  frame_writer w{output_, packet::response, serial};
  auto written = write_pickle(*r, output_, options_->types, options_->limits.frame_bytes);
  if (written && w.close(options_->limits.frame_bytes)) return;
  w.discard();
  put_unsendable(serial, written.error());
}

void session::put_unsendable(std::uint32_t serial, const error& why) {
  put_error(serial, python("ValueError",
                           "the result cannot be sent: "
                             + (why.exceeded == limit::frame_bytes ? "it is over the frame limit"
                                                                   : why.message)));
}

bool session::awaits_answer(std::uint32_t serial) {
  auto* waiting = pending_.find(serial);
  return waiting && waiting->what == pending::kind::request;
}

// The request may have ended while its answer was being decoded.
void session::handle_answer(const frame_header& header, result<value>& v) {
  auto token = end_of_request(header);
  if (!token) return;
  if (!v) {
    error refused{errc::undecodable,
                  describe(header) + " refused: " + v.error().message,
                  {},
                  v.error().exceeded};
    events_.on_result(*token, tl::unexpected(std::move(v.error())));
    return state_ == state::closed ? void() : events_.on_refused(std::move(refused));
  }
  if (header.type == packet::response) return events_.on_result(*token, std::move(*v));
  if (v->kind() != kind::exception)
    return events_.on_result(
      *token, patio::fail(errc::undecodable, "the peer raised what is no exception"));
  events_.on_result(*token, tl::unexpected(agreed_.endings ? from_noted_exception(std::move(*v))
                                                           : remote_error(std::move(*v))));
}

// The token of the request that this frame answers. If there is none, the frame has been dealt
// with.
std::optional<std::uint64_t> session::end_of_request(const frame_header& answer) {
  auto* waiting = pending_.find(answer.serial);
  if (!waiting) return unexpected_answer(), std::nullopt;
  if (waiting->what != pending::kind::request)
    return fail(errc::protocol, describe(answer) + " answers no REQUEST"), std::nullopt;
  return take_request(answer.serial)->token;
}

std::optional<session::pending> session::take_request(std::uint32_t serial) {
  if (!awaits_answer(serial)) return {};
  --requests_;
  return pending_.take(serial);
}

// An answer to an abandoned request is late, not wrong; any other may be a peer out of its mind.
void session::unexpected_answer() {
  ++ignored_;
  if (abandoned_ > 0) --abandoned_;
  else if (++unexpected_ > options_->limits.unknown_serials)
    fail(errc::protocol, "too many answers that nobody waits for", limit::unknown_serials);
}

result<std::uint32_t> session::request(std::uint64_t token, const call_request& call) {
  if (state_ != state::ready) return patio::fail(errc::not_sent, "the connection is not open");
  if (peer_is_leaving_) return patio::fail(errc::not_sent, "the peer is shutting down");
  if (requests_ >= options_->limits.outbound_calls)
    return patio::fail(errc::overloaded, limit::outbound_calls,
                       std::to_string(requests_) + " calls wait for this peer's answers");
  auto serial = pending_.insert({pending::kind::request, token, position()});
  ++requests_;
  frame_writer w{output_, packet::request, serial};
  auto written = write_call_request(call, output_, options_->types, options_->limits.frame_bytes);
  if (written && w.close(options_->limits.frame_bytes)) return serial;
  w.discard();
  (void)take_request(serial);
  if (written.error().exceeded == limit::frame_bytes)
    written.error().message = "the arguments are over the frame limit of "
                              + std::to_string(options_->limits.frame_bytes) + " bytes";
  return tl::unexpected(std::move(written.error()));
}

void session::abandon(std::uint32_t serial, error why) {
  auto waiting = take_request(serial);
  if (!waiting) return;
  ++abandoned_;
  if (why.code == errc::cancelled && agreed_.cancel) put_raw(packet::cancel, serial, "\x80\x05N.");
  events_.on_result(waiting->token, tl::unexpected(std::move(why)));
}

void session::put_error(std::uint32_t serial, const error& why) {
  auto exception = agreed_.endings ? to_noted_exception(why) : to_exception(why);
  frame_writer w{output_, packet::error, serial};
  auto written = write_pickle(exception, output_, options_->types, options_->limits.frame_bytes);
  if (written && w.close(options_->limits.frame_bytes)) return;
  w.discard();
  // Too large, or with a text that is no UTF-8, which repr() shows as escapes.
  std::string plain;
  (void)write_pickle(value::exception("builtins.RuntimeError", {brief(exception)}), plain);
  put_raw(packet::error, serial, plain);
}

} // namespace patio::protocol
