#include <patio/protocol/session.hpp>

#include <algorithm>

#include <patio/convert/convert.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/login.hpp>
#include <patio/value/repr.hpp>

namespace patio::protocol {

session::session(role side, std::shared_ptr<const session_options> options, std::string nonce,
                 session_events& events)
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
  advance();
}

void session::advance() {
  auto judge_header = [this](const frame_header& h) { return judge(h); };
  while (!decoding_) {
    auto f = reader_.next(judge_header);
    if (!f) return;
    handle(*f);
    if (state_ == state::closed) return;
    if (output_.size() > longest_output())
      return fail(errc::protocol, "it is sent more than it reads", limit::write_buffer_bytes);
  }
  reader_.keep_rest();
}

// Small questions may have large answers, and the owner sees these only when the whole piece has
// been read. One answer always fits.
std::size_t session::longest_output() const noexcept {
  return std::max(options_->limits.write_buffer_bytes,
                  options_->limits.frame_bytes + frame_header::size_on_wire);
}

frame_reader::verdict session::judge(const frame_header& header) {
  if (auto why = unlawful(header)) {
    fail(state_ == state::ready ? errc::protocol : errc::login_refused, std::move(*why));
    return frame_reader::verdict::stop;
  }
  auto which = state_ == state::login ? limit::login_frame_bytes : limit::frame_bytes;
  auto most =
    state_ == state::login ? options_->limits.login_frame_bytes : options_->limits.frame_bytes;
  if (header.size <= most) return frame_reader::verdict::take;
  auto text =
    " of " + std::to_string(header.size) + " bytes is over the limit of " + std::to_string(most);
  if (state_ == state::ready)
    refuse_oversize(header, {errc::undecodable, "a frame" + text, {}, which});
  else fail(errc::login_refused, describe(header) + text, which);
  if (header.size > options_->limits.skipped_frame_bytes)
    fail(errc::protocol, describe(header) + text, limit::skipped_frame_bytes);
  if (state_ == state::closed) return frame_reader::verdict::stop;
  events_.on_refused({errc::undecodable, describe(header) + text, {}, which});
  return frame_reader::verdict::skip;
}

namespace {

constexpr std::size_t longest_snippet =
  32; ///< bytes of what is no frame, which may tell what it is

/// A packet of an extension is lawful for those who have announced that they know it.
bool is_announced(packet type, const extensions& ours) noexcept {
  switch (type) {
  case packet::cancel: return ours.cancel;
  case packet::leaving:
  case packet::leaving_ok: return ours.leaving;
  default: return false;
  }
}

} // namespace

/// Which packets are lawful in which state: the table of libpatio/README.md.
std::optional<std::string> session::unlawful(const frame_header& h) const {
  constexpr packet tls_handshake{22};
  if (state_ == state::login && h.type == tls_handshake)
    return "the peer speaks TLS, and this node does not";
  if (!is_known(h.type))
    return "unknown packet type " + std::to_string(static_cast<int>(h.type)) + " in "
           + brief(value::bytes(reader_.head(longest_snippet)));
  bool lawful = false;
  switch (state_) {
  case state::login:
    if (side_ == role::server) lawful = h.type == packet::auth_request;
    else lawful = challenge_.empty() ? h.type == packet::auth_digest : h.type == packet::auth_ok;
    break;
  case state::discovery:
    lawful = h.type == packet::discover_request || h.type == packet::discover_response;
    break;
  case state::ready:
    lawful = h.type == packet::request || h.type == packet::response || h.type == packet::error
             || h.type == packet::discover_request || h.type == packet::discover_response
             || is_announced(h.type, options_->extensions);
    break;
  case state::closed: break;
  }
  if (lawful) return {};
  static constexpr const char* names[] = {"the login", "discovery", "an open connection",
                                          "a closed connection"};
  return describe(h) + " has no place in " + names[static_cast<std::size_t>(state_)];
}

void session::handle(const frame_reader::frame& f) {
  switch (f.header.type) {
  case packet::request:
    if (inbound_.contains(f.header.serial))
      return fail(errc::protocol, describe(f.header) + " came again before its answer");
    return decode(f);
  case packet::response:
  case packet::error:
    if (!awaits_answer(f.header.serial)) return (void)end_of_request(f.header);
    return decode(f);
  case packet::discover_request:
    agreed_ = common(read_announcement(f.payload, options_->limits.pickle), options_->extensions);
    put_raw(packet::discover_response, f.header.serial, callable_names());
    told_names_ = true;
    return become_ready_if_discovered();
  case packet::discover_response:
    if (!awaits_names(f.header.serial)) return refuse_names(f.header);
    return decode(f);
  case packet::cancel: return handle_cancel(f.header.serial);
  case packet::leaving:
  case packet::leaving_ok: return handle_leaving(f);
  default: return handle_login(f);
  }
}

void session::decode(const frame_reader::frame& f) {
  if (f.payload.size() > options_->decode_apart) {
    decoding_ = true;
    return events_.on_decode(std::make_unique<decode_job>(f.header, options_, reader_.keep(f)));
  }
  decode_job job{f.header, *options_};
  job.run(f.payload);
  handle_decoded(job);
}

void session::decoded(decode_job& job) {
  if (state_ == state::closed) return;
  decoding_ = false;
  if (std::holds_alternative<std::monostate>(job.decoded_))
    return fail(errc::protocol, "no memory to decode " + describe(job.header_));
  handle_decoded(job);
  if (state_ != state::closed) advance();
}

void session::handle_decoded(decode_job& job) {
  if (auto* r = std::get_if<decode_job::request>(&job.decoded_))
    return handle_request(job.header_, *r);
  if (auto* names = std::get_if<decode_job::served_names>(&job.decoded_))
    return handle_discover_response(job.header_, *names);
  handle_answer(job.header_, std::get<result<value>>(job.decoded_));
}

void session::close(error why, std::optional<std::uint64_t> sent) {
  sent_ = sent;
  fail(why.code, std::move(why.message), why.exceeded);
}

void session::fail(errc code, std::string text, limit exceeded) {
  if (state_ == state::closed) return;
  state_ = state::closed;
  withdraw_requests();
  requests_ = 0;
  pending_.drain([&](std::uint32_t, pending&& p) { lose(p, text); });
  inbound_bytes_ = 0;
  if (current_) current_->second.over.request_stop();
  for (auto& [serial, request] : inbound_)
    request.over.request_stop();                           // `answer` does nothing any more
  events_.on_close({code, std::move(text), {}, exceeded}); // which may count them
  inbound_.clear();
}

// What is about to be reported as not sent must not leave with the last words to the peer.
void session::withdraw_requests() {
  std::size_t kept = 0; // in place, as it may be for lack of memory that the session ends
  for (std::string_view rest = output_; rest.size() >= frame_header::size_on_wire;) {
    auto header = read_header(rest);
    auto frame = rest.substr(0, frame_header::size_on_wire + header.size);
    rest.remove_prefix(frame.size());
    if (header.type == packet::request || header.type == packet::cancel) continue;
    std::copy(frame.begin(), frame.end(),
              output_.begin() + static_cast<std::ptrdiff_t>(kept)); // to the front, or onto itself
    kept += frame.size();
  }
  output_.resize(kept);
}

// Only what the owner says has been sent counts; without its word, what it has taken may have been.
void session::lose(const pending& p, const std::string& text) {
  error why{
    p.begins_at >= sent_.value_or(taken_) ? errc::not_sent : errc::maybe_executed, text, {}};
  if (p.what == pending::kind::request)
    return events_.on_result(p.token, tl::unexpected(std::move(why)));
  if (p.what == pending::kind::ping) events_.on_lost_ping(p.token, std::move(why));
}

void session::put_raw(packet type, std::uint32_t serial, std::string_view payload) {
  frame_writer w{output_, type, serial};
  output_ += payload;
  (void)w.close(std::string::npos); // it is within the limit
}

} // namespace patio::protocol
