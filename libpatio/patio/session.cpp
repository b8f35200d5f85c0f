#include <patio/session.hpp>

#include <patio/convert.hpp>
#include <patio/login.hpp>
#include <patio/pickle.hpp>
#include <patio/repr.hpp>

namespace patio {
namespace {

error python(const char* type, const std::string& text) { return remote_error(value::exception(std::string{"builtins."} + type, {text})); }

std::string quoted_header(const frame_header& h) {
  auto number = std::to_string(static_cast<int>(h.type));
  return std::string{to_string(h.type)} + " (type " + number + ", serial " + std::to_string(h.serial) + ")";
}

} // namespace

session::session(role side, std::shared_ptr<const session_options> options, std::string nonce, session_events& events)
    : side_{side}, options_{std::move(options)}, events_{events} {
  if (side_ == role::client) {
    salt_ = std::move(nonce);
  } else {
    challenge_ = login_challenge(nonce);
    put_raw(packet::auth_digest, pending_.draw(), challenge_);
  }
}

void session::receive(std::string_view bytes) {
  reader_.feed(bytes);
  auto judge_header = [this](const frame_header& h) { return judge(h); };
  while (auto f = reader_.next(judge_header)) {
    handle(*f);
    if (state_ == state::closed) return;
  }
}

frame_reader::verdict session::judge(const frame_header& header) {
  if (auto why = unlawful(header)) {
    fail(state_ == state::ready ? errc::protocol : errc::login_refused, std::move(*why));
    return frame_reader::verdict::stop;
  }
  auto limit = state_ == state::login ? options_->limits.frame_before_login : options_->limits.frame;
  if (header.size <= limit) return frame_reader::verdict::take;
  auto text = " of " + std::to_string(header.size) + " bytes is over the limit of " + std::to_string(limit);
  if (state_ == state::ready) refuse_oversize(header, "a frame" + text);
  else fail(errc::login_refused, quoted_header(header) + text);
  if (header.size > options_->limits.drain) fail(errc::protocol, quoted_header(header) + text);
  if (state_ == state::closed) return frame_reader::verdict::stop;
  events_.on_log(quoted_header(header) + text);
  return frame_reader::verdict::skip;
}

/// Which packets are lawful in which state: the table of libpatio/README.md.
std::optional<std::string> session::unlawful(const frame_header& h) const {
  if (!is_known(h.type)) return "unknown packet type " + std::to_string(static_cast<int>(h.type));
  bool lawful = false;
  switch (state_) {
  case state::login:
    if (side_ == role::server) lawful = h.type == packet::auth_request;
    else lawful = challenge_.empty() ? h.type == packet::auth_digest : h.type == packet::auth_ok;
    break;
  case state::discovery: lawful = h.type == packet::discover_request || h.type == packet::discover_response; break;
  case state::ready:
    lawful = h.type == packet::request || h.type == packet::response || h.type == packet::error || h.type == packet::discover_request
             || h.type == packet::discover_response;
    break;
  case state::closed: break;
  }
  if (lawful) return {};
  static constexpr const char* names[] = {"the login", "discovery", "an open connection", "a closed connection"};
  return quoted_header(h) + " has no place in " + names[static_cast<std::size_t>(state_)];
}

void session::refuse_oversize(const frame_header& h, const std::string& text) {
  switch (h.type) {
  case packet::request:
    if (inbound_.contains(h.serial)) return fail(errc::protocol, quoted_header(h) + " came again before its answer");
    return put_error(h.serial, python("ValueError", text));
  case packet::response:
  case packet::error:
    if (auto token = end_of_request(h)) events_.on_result(*token, patio::fail(errc::undecodable, text));
    return;
  default: return fail(errc::protocol, text);
  }
}

void session::handle(const frame_reader::frame& f) {
  switch (f.header.type) {
  case packet::request: return handle_request(f);
  case packet::response:
  case packet::error: return handle_answer(f);
  case packet::discover_request:
    put(packet::discover_response, f.header.serial, to_value(options_->names));
    told_names_ = true;
    return become_ready_if_discovered();
  case packet::discover_response: return handle_discover_response(f);
  default: return handle_login(f);
  }
}

void session::handle_login(const frame_reader::frame& f) {
  if (f.header.type == packet::auth_digest) {
    if (f.payload.empty()) return fail(errc::login_refused, "the server's challenge is empty");
    challenge_ = f.payload;
    put_raw(packet::auth_request, pending_.draw(), login_answer(challenge_, options_->key, salt_));
    return;
  }
  if (f.header.type == packet::auth_request) {
    if (auto ok = check_login(f.payload, challenge_, options_->key); !ok) return fail(errc::login_refused, ok.error().message);
    put_raw(packet::auth_ok, pending_.draw(), "\x80\x05N.");
  }
  begin_discovery();
}

void session::begin_discovery() {
  state_ = state::discovery;
  // A REQUEST before our own DISCOVER_RESPONSE would be taken for it by a Python peer, so `ready` waits for both.
  put_raw(packet::discover_request, pending_.insert({pending::kind::discovery, 0, position()}), "\x80\x05N.");
}

void session::become_ready_if_discovered() {
  if (state_ != state::discovery || !told_names_ || !heard_names_) return;
  state_ = state::ready;
  events_.on_ready();
}

void session::handle_discover_response(const frame_reader::frame& f) {
  auto* asked = pending_.find(f.header.serial);
  if (!asked || asked->what == pending::kind::request) {
    if (auto wrong = pending_.take(f.header.serial))
      events_.on_result(wrong->token, patio::fail(errc::protocol, "the peer answered a REQUEST with " + quoted_header(f.header)));
    return fail(errc::protocol, quoted_header(f.header) + " was not asked for");
  }
  auto names = read_pickle(f.payload, options_->limits.pickle).and_then(from_value<std::vector<std::string>>);
  auto broken = state_ == state::ready ? errc::protocol : errc::login_refused;
  if (!names) return fail(broken, "DISCOVER_RESPONSE is no list of names: " + names.error().message);
  if (names->size() > options_->limits.names)
    return fail(broken, "the peer serves more than " + std::to_string(options_->limits.names) + " names");
  std::erase_if(*names, [&](const std::string& n) { return n.size() > options_->limits.name; });
  events_.on_names(std::move(*names));
  auto answered = pending_.take(f.header.serial);
  if (!answered) return; // the owner has closed the connection
  if (answered->what == pending::kind::ping) return events_.on_pong(answered->token);
  heard_names_ = true;
  become_ready_if_discovered();
}

void session::handle_request(const frame_reader::frame& f) {
  auto serial = f.header.serial;
  if (inbound_.contains(serial)) return fail(errc::protocol, quoted_header(f.header) + " came again before its answer");
  auto call = read_call_request(f.payload, options_->limits.pickle);
  if (!call) {
    return refuse_request(serial, "ValueError", "undecodable request: " + call.error().message);
  }
  if (inbound_.size() >= options_->limits.inbound_calls)
    return refuse_request(serial, "RuntimeError",
                          "overloaded: " + std::to_string(inbound_.size()) + " calls are running for this connection");
  if (call->function.size() > options_->limits.name || call->args.keywords.size() > options_->limits.keywords)
    return refuse_request(serial, "ValueError", "the function's name or the number of keyword arguments is over the limit");
  current_ = serial;
  answered_current_ = false;
  events_.on_request(serial, std::move(*call));
  if (!answered_current_ && state_ != state::closed) inbound_.insert(serial);
  current_.reset();
}

void session::refuse_request(std::uint32_t serial, const char* exception, const std::string& why) {
  put_error(serial, python(exception, why));
  events_.on_log("REQUEST " + std::to_string(serial) + " refused: " + why);
}

void session::answer(std::uint32_t serial, const result<value>& r) {
  if (state_ == state::closed) return;
  if (current_ == serial && !answered_current_) answered_current_ = true;
  else if (inbound_.erase(serial) == 0) return;
  if (!r) {
    put_error(serial, r.error());
    // What a function raises is its caller's business; what was never given to it is the node's.
    auto code = r.error().code;
    if (code == errc::remote_error ? !r.error().message.empty() : code != errc::timeout)
      events_.on_log("REQUEST " + std::to_string(serial) + " refused: " + to_string(r.error()));
    return;
  }
  frame_writer w{output_, packet::response, serial};
  if (auto written = write_pickle(*r, output_); !written) {
    w.discard();
    return put_error(serial, python("ValueError", "the result cannot be sent: " + written.error().message));
  }
  if (!w.close(options_->limits.frame)) put_error(serial, python("ValueError", "the result cannot be sent: it is over the frame limit"));
}

void session::handle_answer(const frame_reader::frame& f) {
  auto token = end_of_request(f.header);
  if (!token) return;
  bool raised = f.header.type == packet::error;
  auto v = read_pickle(f.payload, options_->limits.pickle, raised ? unknown_class::as_exception : unknown_class::refuse);
  if (!v) {
    auto text = quoted_header(f.header) + " refused: " + v.error().message;
    events_.on_result(*token, tl::unexpected(std::move(v.error())));
    return state_ == state::closed ? void() : events_.on_log(std::move(text));
  }
  if (!raised) return events_.on_result(*token, std::move(*v));
  if (v->kind() != kind::exception)
    return events_.on_result(*token, patio::fail(errc::undecodable, "the peer raised what is no exception"));
  events_.on_result(*token, tl::unexpected(remote_error(std::move(*v))));
}

// The token of the request that this frame answers. If there is none, the frame has been dealt with.
std::optional<std::uint64_t> session::end_of_request(const frame_header& answer) {
  auto* waiting = pending_.find(answer.serial);
  if (!waiting) return unexpected_answer(), std::nullopt;
  if (waiting->what != pending::kind::request) return fail(errc::protocol, quoted_header(answer) + " answers no REQUEST"), std::nullopt;
  return pending_.take(answer.serial)->token;
}

// An answer to an abandoned request is late, not wrong; any other may be a peer out of its mind.
void session::unexpected_answer() {
  ++ignored_;
  if (abandoned_ > 0) --abandoned_;
  else if (++unexpected_ > options_->limits.unknown_serials) fail(errc::protocol, "too many answers that nobody waits for");
}

result<std::uint32_t> session::request(std::uint64_t token, const call_request& call) {
  if (state_ != state::ready) return patio::fail(errc::not_sent, "the connection is not open");
  if (pending_.size() >= options_->limits.outbound_calls)
    return patio::fail(errc::overloaded, std::to_string(pending_.size()) + " calls wait for this peer's answers");
  auto serial = pending_.insert({pending::kind::request, token, position()});
  frame_writer w{output_, packet::request, serial};
  auto written = write_call_request(call, output_);
  if (written && w.close(options_->limits.frame)) return serial;
  if (!written) w.discard();
  (void)pending_.take(serial);
  if (!written) return tl::unexpected(std::move(written.error()));
  return patio::fail(errc::invalid, "the arguments are over the frame limit of " + std::to_string(options_->limits.frame) + " bytes");
}

void session::abandon(std::uint32_t serial, error why) {
  auto waiting = pending_.take(serial);
  if (!waiting) return;
  ++abandoned_;
  events_.on_result(waiting->token, tl::unexpected(std::move(why)));
}

void session::ping(std::uint64_t token) {
  put_raw(packet::discover_request, pending_.insert({pending::kind::ping, token, position()}), "\x80\x05N.");
}

void session::close(error why, std::optional<std::uint64_t> sent) {
  sent_ = sent;
  fail(why.code, std::move(why.message));
}

void session::fail(errc code, std::string text) {
  if (state_ == state::closed) return;
  state_ = state::closed;
  withdraw_requests();
  pending_.drain([&](std::uint32_t, pending&& p) { lose(p, text); });
  events_.on_close({code, std::move(text), {}});
  inbound_.clear();
}

// What is about to be reported as not sent must not leave with the last words to the peer.
void session::withdraw_requests() {
  std::string kept;
  for (std::string_view rest = output_; rest.size() >= frame_header::size_on_wire;) {
    auto header = read_header(rest);
    auto frame = rest.substr(0, frame_header::size_on_wire + header.size);
    if (header.type != packet::request) kept += frame;
    rest.remove_prefix(frame.size());
  }
  output_ = std::move(kept);
}

// Only what the owner says has been sent counts; without its word, what it has taken may have been.
void session::lose(const pending& p, const std::string& text) {
  error why{p.begins_at >= sent_.value_or(taken_) ? errc::not_sent : errc::maybe_executed, text, {}};
  if (p.what == pending::kind::request) return events_.on_result(p.token, tl::unexpected(std::move(why)));
  if (p.what == pending::kind::ping) events_.on_lost_ping(p.token, std::move(why));
}

void session::put_raw(packet type, std::uint32_t serial, std::string_view payload) {
  frame_writer w{output_, type, serial};
  output_ += payload;
  (void)w.close(std::string::npos); // login payloads are small
}

void session::put(packet type, std::uint32_t serial, const value& payload) {
  std::string bytes;
  if (auto ok = write_pickle(payload, bytes); !ok) return fail(errc::invalid, ok.error().message);
  put_raw(type, serial, bytes);
}

void session::put_error(std::uint32_t serial, const error& why) {
  auto exception = to_exception(why);
  frame_writer w{output_, packet::error, serial};
  auto written = write_pickle(exception, output_);
  if (written && w.close(options_->limits.frame)) return;
  if (!written) w.discard();
  // Too large, or with a text that is no UTF-8, which repr() shows as escapes.
  put(packet::error, serial, value::exception("builtins.RuntimeError", {brief(exception)}));
}

} // namespace patio
