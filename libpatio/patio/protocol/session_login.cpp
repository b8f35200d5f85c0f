// The beginning and the end of a session: login, discovery, and leaving.
#include <patio/protocol/session.hpp>

#include <patio/convert/convert.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/login.hpp>

namespace patio::protocol {
namespace {

constexpr std::string_view pickled_none{"\x80\x05N.", 4};

} // namespace

void session::handle_login(const frame_reader::frame& f) {
  if (f.header.type == packet::auth_digest) {
    if (f.payload.empty()) return fail(errc::login_refused, "the server's challenge is empty");
    challenge_ = f.payload;
    put_raw(packet::auth_request, pending_.draw(),
            login_answer(challenge_, options_->key.view(), salt_));
    return;
  }
  if (f.header.type == packet::auth_request && !accept_login(f.payload)) return;
  begin_discovery();
}

bool session::accept_login(std::string_view answer) {
  const auto& named = options_->keys;
  std::vector<secret> keys;
  for (const auto& other : named) keys.push_back(other.key);
  if (!options_->key.empty() || named.empty())
    keys.push_back(options_->key); // last, so that the others' positions are theirs
  auto which = check_login(answer, challenge_, keys);
  if (!which) return fail(errc::login_refused, which.error().message), false;
  if (*which < named.size()) proved_.push_back(named[*which].name);
  put_raw(packet::auth_ok, pending_.draw(), pickled_none);
  return true;
}

void session::prove(const std::vector<std::string>& names) {
  proved_.insert(proved_.end(), names.begin(), names.end());
}

// Peers may ask at any time, and as often as they like.
const std::string& session::callable_names() {
  if (options_->rules.empty() && !options_->pickled_names.empty()) return options_->pickled_names;
  if (!callable_names_.empty()) return callable_names_;
  auto names = options_->names;
  std::erase_if(names, [this](const std::string& name) { return !may_call(name); });
  (void)write_pickle(to_value(names), callable_names_); // texts, which can always be written
  return callable_names_;
}

void session::begin_discovery() {
  state_ = state::discovery;
  // A REQUEST before our own DISCOVER_RESPONSE would be taken for it by a Python peer, so `ready`
  // waits for both.
  refresh();
}

void session::refresh() {
  if (!std::exchange(refreshing_, true))
    ask(packet::discover_request, pending::kind::discovery, 0, announcement(options_->extensions));
}

void session::ping(std::uint64_t token) {
  ask(packet::discover_request, pending::kind::ping, token, announcement(options_->extensions));
}

void session::ask(packet type, pending::kind what, std::uint64_t token, std::string_view payload) {
  put_raw(type, pending_.insert({what, token, position()}), payload);
}

void session::become_ready_if_discovered() {
  if (state_ != state::discovery || !told_names_ || !heard_names_) return;
  state_ = state::ready;
  events_.on_ready();
}

bool session::awaits_names(std::uint32_t serial) {
  auto* asked = pending_.find(serial);
  return asked && (asked->what == pending::kind::discovery || asked->what == pending::kind::ping);
}

void session::refuse_names(const frame_header& header) {
  if (auto wrong = take_request(header.serial))
    events_.on_result(wrong->token, patio::fail(errc::protocol, "the peer answered a REQUEST with "
                                                                  + describe(header)));
  fail(errc::protocol, describe(header) + " was not asked for");
}

void session::handle_discover_response(const frame_header& header,
                                       decode_job::served_names& served) {
  auto& names = served.names;
  if (served.some_too_long)
    events_.on_refused({errc::undecodable,
                        describe(header) + " has a name that is too long",
                        {},
                        limit::name_bytes});
  if (!names)
    return fail(state_ == state::ready ? errc::protocol : errc::login_refused,
                names.error().message, names.error().exceeded);
  if (state_ == state::closed) return;
  events_.on_names(std::move(*names));
  auto answered = pending_.take(header.serial);
  if (!answered) return; // the owner has closed the connection
  if (answered->what == pending::kind::ping) return events_.on_pong(answered->token);
  refreshing_ = false;
  heard_names_ = true;
  become_ready_if_discovered();
}

void session::leave() {
  if (state_ != state::ready || std::exchange(leaving_, true)) return;
  left_ = !agreed_.leaving;
  if (!left_) ask(packet::leaving, pending::kind::leaving, 0, pickled_none);
}

// The answer comes behind everything that the peer had sent before it knew.
void session::handle_leaving(const frame_reader::frame& f) {
  if (f.header.type == packet::leaving) {
    put_raw(packet::leaving_ok, f.header.serial, pickled_none);
    if (!std::exchange(peer_is_leaving_, true)) events_.on_leaving();
    return;
  }
  auto* asked = pending_.find(f.header.serial);
  if (!asked || asked->what != pending::kind::leaving)
    return fail(errc::protocol, describe(f.header) + " was not asked for");
  (void)pending_.take(f.header.serial);
  left_ = true;
}

bool session::idle() const noexcept {
  return state_ == state::login || state_ == state::closed
         || (left_ && inbound_.empty() && requests_ == 0 && !decoding_);
}

} // namespace patio::protocol
