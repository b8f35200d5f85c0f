#include <patio/redis/link.hpp>

#include <array>
#include <utility>

#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

/// A link that was ready for less time counts as one more failure.
constexpr std::chrono::seconds stable_after{1};

} // namespace

bool is_login_refusal(const resp& reply) noexcept {
  return reply.kind == resp::type::error
         && (reply.text.starts_with("NOAUTH") || reply.text.starts_with("WRONGPASS")
             || reply.text.starts_with("ERR AUTH")
             || reply.text.starts_with("ERR invalid password"));
}

link::link(link_number number, std::shared_ptr<const settings> options,
           std::chrono::nanoseconds patience)
    : number_{number}, options_{std::move(options)}, patience_{patience},
      wait_{options_->limits.reconnect, options_->seed + number}, reader_{resp_limits_of(
                                                                    options_->limits)} {}

bool link::begin_dial(instant now) {
  if (state_ != state::down || now < dial_at_) return false;
  state_ = state::dialling;
  return true;
}

// The login ends with a PING, whose reply tells whether the server needs a password or is still
// loading its data.
void link::opened(instant now) {
  state_ = state::login;
  reader_ = resp_reader{resp_limits_of(options_->limits)};
  const auto& url = options_->url;
  auto password = url.password.view();
  if (!password.empty() && url.user.empty())
    append(std::array{std::string_view{"AUTH"}, password}, now);
  else if (!password.empty() || !url.user.empty())
    append(std::array{std::string_view{"AUTH"}, std::string_view{url.user}, password}, now);
  if (options_->database != 0) {
    auto database = std::to_string(options_->database);
    append(std::array{std::string_view{"SELECT"}, std::string_view{database}}, now);
  }
  append(std::array{std::string_view{"PING"}}, now);
  login_replies_ = unanswered_;
}

result<void> link::take_login_reply(const resp& reply) {
  if (reply.kind == resp::type::error) {
    bool is_temporary = reply.text.starts_with("LOADING") || reply.text.starts_with("MASTERDOWN")
                        || reply.text.starts_with("BUSY");
    auto text = "the server refused the login: " + quoted(reply.text, 200);
    if (is_temporary) return fail(errc::connect_failed, std::move(text));
    return fail(errc::login_refused, remedy::login, std::move(text));
  }
  if (reply.kind != resp::type::text)
    return fail(errc::protocol, "the server does not answer the login as Redis does");
  return {};
}

result<void> link::receive(std::string_view bytes, instant now, std::vector<resp>& replies,
                           bool& became_ready) {
  heard_ = now;
  auto first = replies.size();
  auto read = reader_.read(bytes, replies);
  auto count = replies.size() - first;
  auto drop = [&](error why) {
    replies.resize(first);
    return tl::unexpected(std::move(why));
  };
  if (count > unanswered_)
    return drop({errc::protocol, "the server sends a reply for which there is no command", {}});
  unanswered_ -= count;
  auto at = replies.begin() + static_cast<std::ptrdiff_t>(first);
  auto login_end = at;
  for (; login_replies_ > 0 && login_end != replies.end(); ++login_end) {
    if (auto ok = take_login_reply(*login_end); !ok) return drop(ok.error());
    --login_replies_;
  }
  replies.erase(at, login_end);
  if (!read) return read;
  if (state_ != state::login || login_replies_ > 0) return {};
  state_ = state::ready;
  ready_at_ = now;
  flags_.is_reported = false;
  became_ready = true;
  return {};
}

bool link::closed(const error& why, instant now) {
  if (state_ == state::ready && now - ready_at_ >= stable_after) wait_.succeeded();
  state_ = state::down;
  flags_.is_congested = false;
  dial_at_ = after(now, wait_.failed(why.code == errc::login_refused));
  unanswered_ = login_replies_ = untaken_ = 0;
  output_.clear();
  last_failure_ = text_of(why);
  return !std::exchange(flags_.is_reported, true);
}

void link::append(std::span<const std::string_view> parts, instant now) {
  if (unanswered_++ == 0) heard_ = now;
  ++untaken_;
  append_command(output_, parts);
}

void link::send(std::span<const std::string_view> parts, instant now) { append(parts, now); }

bool link::has_room() const noexcept {
  return state_ == state::ready && !flags_.is_congested
         && output_.size() < options_->limits.high_water_bytes;
}

void link::take_output(std::string& out) {
  std::swap(out, output_);
  untaken_ = 0;
}

instant link::silent_at() const noexcept {
  bool waits = state_ == state::login || (state_ == state::ready && unanswered_ > 0);
  return waits ? after(heard_, patience_) : never;
}

} // namespace patio::redis
