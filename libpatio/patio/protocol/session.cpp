#include <patio/protocol/session.hpp>

#include <algorithm>
#include <utility>

#include <patio/convert/convert.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/descriptions.hpp>
#include <patio/protocol/session_rules.hpp>

namespace patio::protocol {
namespace {

constexpr std::string_view pickled_none{"\x80\x05N.", 4};

using awaited = outbound_requests::kind;

// One answer always fits. The owner takes the output only after a whole piece of input has been
// handled, and small requests in that piece may have large answers. The session therefore limits
// its output itself.
std::size_t longest_output(const limits& bounds) noexcept {
  return std::max(bounds.write_buffer_bytes, bounds.frame_bytes + frame_header::size_on_wire);
}

/// Returns the pickled names of the functions that this peer may call. `own` keeps this peer's
/// names unless the options already hold them.
const std::string& callable_names(const session_options& options,
                                  const std::vector<std::string>& proved, std::string& own) {
  if (options.rules.empty() && !options.pickled_names.empty()) return options.pickled_names;
  if (!own.empty()) return own;
  auto names = options.names;
  std::erase_if(names, [&](const auto& name) { return !may_call(options.rules, proved, name); });
  (void)write_pickle(to_value(names), own); // cannot fail: the names are texts
  return own;
}

/// Records that this half of the discovery is done. Returns true if both halves are done.
bool completes(discovery& passed, discovery half) noexcept {
  passed = passed == discovery::none || passed == half ? half : discovery::both;
  return passed == discovery::both;
}

/// Handles QUEUES and DESCRIPTION. Not inline, so that handle_decoded stays small: that function
/// handles every answer.
[[gnu::noinline]] void handle_extension(session& s, const frame_header& header,
                                        result<value>& payload, const limits& bounds) {
  if (header.type == packet::description) return take_description(s, header, payload);
  if (auto ok = s.credit().receive_queues(payload, bounds, s.events()); !ok)
    s.close(in_context(describe(header), std::move(ok.error())));
}

} // namespace

session::session(role side, std::shared_ptr<const session_options> options, std::string nonce)
    : options_{std::move(options)}, login_{side, std::move(nonce)}, output_{options_} {
  if (side == role::server)
    output_.put(packet::auth_digest, outbound_.draw_serial(), login_.challenge());
}

bool session::next() {
  if (state_ == state::closed) return false;
  if (output_.bytes().size() > longest_output(options_->limits)) {
    close({errc::protocol, "the peer asks for more than it reads", {}, limit::write_buffer_bytes});
    return false;
  }
  if (status_.is_decoding) {
    reader_.keep_rest();
    return false;
  }
  auto f = reader_.next([this](const frame_header& h) { return judge(h); });
  if (!f) return false;
  handle(*f);
  return true;
}

frame_reader::verdict session::judge(const frame_header& header) {
  if (auto why = why_unlawful(header, state_, login_.expected(), options_->extensions, reader_)) {
    auto code = state_ == state::ready ? errc::protocol : errc::login_refused;
    close({code, std::move(*why), {}});
    return frame_reader::verdict::stop;
  }
  bool in_login = state_ == state::login;
  auto which = in_login ? limit::login_frame_bytes : limit::frame_bytes;
  auto max = in_login ? options_->limits.login_frame_bytes : options_->limits.frame_bytes;
  if (header.size <= max) return frame_reader::verdict::take;
  auto text =
    " of " + std::to_string(header.size) + " bytes is over the limit of " + std::to_string(max);
  if (state_ == state::ready)
    refuse_oversize(header, {errc::undecodable, "a frame" + text, {}, which});
  else close({errc::login_refused, describe(header) + text, {}, which});
  if (header.size > options_->limits.skipped_frame_bytes)
    close({errc::protocol, describe(header) + text, {}, limit::skipped_frame_bytes});
  if (state_ == state::closed) return frame_reader::verdict::stop;
  events_.push(refused_input{{errc::undecodable, describe(header) + text, {}, which}});
  return frame_reader::verdict::skip;
}

void session::refuse_oversize(const frame_header& h, error why) {
  switch (h.type) {
  case packet::request:
    if (inbound_.contains(h.serial))
      return close({errc::protocol, describe(h) + " reuses the serial of an open request", {}});
    return output_.put_error(h.serial, why, status_.agreed.endings);
  case packet::response:
  case packet::error:
    if (auto token = end_of_request(h))
      events_.push(request_ended{*token, tl::unexpected(std::move(why))});
    return;
  default: why.code = errc::protocol; return close(std::move(why));
  }
}

void session::handle(const frame_reader::frame& f) {
  const auto& header = f.header;
  switch (header.type) {
  case packet::request:
    if (inbound_.contains(header.serial))
      return close(
        {errc::protocol, describe(header) + " reuses the serial of an open request", {}});
    break;
  case packet::response:
  case packet::error:
    if (!outbound_.awaits(awaited::request, header.serial)) return (void)end_of_request(header);
    break;
  case packet::discover_response:
    if (outbound_.awaits(awaited::discovery, header.serial)
        || outbound_.awaits(awaited::ping, header.serial))
      break;
    if (outbound_.awaits(awaited::request, header.serial))
      events_.push(request_ended{
        outbound_.take(header.serial)->token,
        fail(errc::protocol, "the peer answered a REQUEST with " + describe(header))});
    return close({errc::protocol, "unexpected " + describe(header), {}});
  case packet::description:
    if (outbound_.awaits(awaited::description, header.serial)) break;
    return close({errc::protocol, "unexpected " + describe(header), {}});
  case packet::queues: break;
  default: return handle_control(f);
  }
  if (f.payload.size() > options_->decode_apart) {
    status_.is_decoding = true;
    return events_.push(
      payload_to_decode{std::make_unique<decode_job>(header, options_, reader_.keep(f))});
  }
  decode_job job{header, *options_};
  job.run(f.payload);
  handle_decoded(job);
}

// Handles DISCOVER_REQUEST and the packets of the login and of the extensions.
void session::handle_control(const frame_reader::frame& f) {
  auto serial = f.header.serial;
  switch (f.header.type) {
  case packet::discover_request:
    status_.agreed =
      common(read_announcement(f.payload, options_->limits.pickle), options_->extensions);
    output_.put(packet::discover_response, serial,
                callable_names(*options_, login_.proved(), callable_names_));
    if (credit_.agree(status_.agreed.credit)) events_.push(credit_event{credit_granted{}});
    return advance_discovery(discovery::told);
  case packet::credit:
  case packet::credit_used:
    if (auto ok = credit_.receive(f.header.type, f.payload, events_); !ok)
      close(in_context(describe(f.header), std::move(ok.error())));
    return;
  case packet::describe: return answer_describe(*this, f, *options_);
  case packet::cancel: // the answer may already have been sent: then there is nothing to cancel
    if (auto id = inbound_.id_of(serial)) events_.push(request_cancelled{*id});
    return;
  case packet::leaving:
    output_.put(packet::leaving_ok, serial, pickled_none);
    if (!std::exchange(status_.peer_went_away, true)) events_.push(peer_went_away{});
    return;
  case packet::leaving_ok: // comes after every REQUEST that the peer sent before it got the LEAVING
    if (!outbound_.awaits(awaited::leaving, serial))
      return close({errc::protocol, "unexpected " + describe(f.header), {}});
    (void)outbound_.take(serial);
    status_.goodbye = goodbye::agreed;
    return;
  default: break;
  }
  auto step = login_.take(f.payload, *options_);
  if (!step) return close(std::move(step.error()));
  if (step->send) output_.put(*step->send, outbound_.draw_serial(), step->payload);
  if (!step->is_done) return;
  state_ = state::discovery;
  probe();
}

// The session becomes `ready` only after both halves. A Python peer would take a REQUEST that
// arrives before our DISCOVER_RESPONSE for that DISCOVER_RESPONSE.
void session::advance_discovery(discovery half) {
  if (state_ != state::discovery || !completes(status_.discovery, half)) return;
  state_ = state::ready;
  events_.push(session_ready{});
}

void session::decoded(decode_job& job) {
  if (state_ == state::closed) return;
  status_.is_decoding = false;
  if (std::holds_alternative<std::monostate>(job.decoded_))
    return close({errc::protocol, "no memory to decode " + describe(job.header_), {}});
  handle_decoded(job);
}

void session::handle_decoded(decode_job& job) {
  if (auto* r = std::get_if<decode_job::request>(&job.decoded_))
    return handle_request(job.header_, *r);
  if (auto* names = std::get_if<decode_job::served_names>(&job.decoded_))
    return handle_names(job.header_, *names);
  auto& decoded = std::get<result<value>>(job.decoded_);
  if (job.header_.type == packet::response || job.header_.type == packet::error)
    return handle_answer(job.header_, decoded);
  handle_extension(*this, job.header_, decoded, options_->limits);
}

void session::handle_names(const frame_header& header, decode_job::served_names& served) {
  if (served.some_too_long)
    events_.push(refused_input{{errc::undecodable,
                                describe(header) + " has a name that is too long",
                                {},
                                limit::name_bytes}});
  if (!served.names) {
    auto why = std::move(served.names.error());
    why.code = state_ == state::ready ? errc::protocol : errc::login_refused;
    return close(std::move(why));
  }
  events_.push(names_served{std::move(*served.names)});
  auto asked = outbound_.take(header.serial);
  if (!asked) return;
  if (asked->what == awaited::ping) return events_.push(question_answered{asked->token});
  status_.is_probing = false;
  advance_discovery(discovery::heard);
}

void session::probe(std::optional<std::uint64_t> token) {
  if (!token && std::exchange(status_.is_probing, true)) return;
  auto serial = outbound_.add(token ? awaited::ping : awaited::discovery, token.value_or(0),
                              output_.position());
  output_.put(packet::discover_request, serial, announcement(options_->extensions));
}

void session::go_away() {
  if (state_ != state::ready || status_.goodbye != goodbye::none) return;
  status_.goodbye = status_.agreed.leaving ? goodbye::asked : goodbye::agreed;
  if (status_.goodbye == goodbye::asked)
    output_.put(packet::leaving, outbound_.add(awaited::leaving, 0, output_.position()),
                pickled_none);
}

bool is_drained(session& s) noexcept {
  if (s.state() == session::state::login || s.state() == session::state::closed) return true;
  return s.status().goodbye == goodbye::agreed && s.inbound().size() == 0
         && s.outbound().requests() == 0 && !s.status().is_decoding;
}

void session::close(error why, std::optional<std::uint64_t> sent) {
  if (state_ == state::closed) return;
  state_ = state::closed;
  output_.withdraw_requests();
  auto running = inbound_.size();
  events_.push(session_closed{std::move(why), outbound_.take_all(),
                              sent.value_or(output_.bytes_taken()), running});
  inbound_.stop_all();
}

} // namespace patio::protocol
