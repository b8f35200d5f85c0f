#include <patio/redis/waiting_link.hpp>

#include <utility>

#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

constexpr std::string_view result_suffix = ":result", error_suffix = ":error";

/// The server ends a BLPOP in time, and a little later if it is busy.
constexpr std::chrono::seconds slack{10};

} // namespace

error refusal(const resp& reply) {
  if (reply.kind != resp::type::error)
    return {errc::protocol, "the server sends a reply of a wrong type", {}};
  error why{errc::connect_failed, "the server refused a command: " + quoted(reply.text, 200), {}};
  if (is_login_refusal(reply)) {
    why.code = errc::login_refused;
    why.remedy = remedy::login;
  }
  return why;
}

waiting_link::waiting_link(link_number number, std::shared_ptr<const settings> options)
    : connection{number, options, options->tuning.block_time + slack}, options_{std::move(options)},
      wake_key_{options_->project + "." + options_->new_id() + ":wake"} {}

bool waiting_link::needs_wake() const noexcept {
  return is_asking_ && !is_woken_ && asked_.size() < calls_.size();
}

void waiting_link::send(instant now) {
  keys_.push_back(wake_key_);
  keys_.push_back(seconds_text(options_->tuning.block_time));
  std::vector<std::string_view> parts(keys_.begin(), keys_.end());
  connection.send(parts, now);
  asked_ = calls_;
  is_asking_ = true;
  is_woken_ = false;
}

result<std::optional<popped_reply>> waiting_link::answered(resp reply) {
  is_asking_ = false;
  asked_.clear();
  if (is_wrong_type(reply)) is_in_doubt_ = true;
  if (is_wrong_type(reply) || reply.kind == resp::type::null) return std::nullopt;
  if (reply.kind != resp::type::array || reply.items.size() != 2
      || reply.items[0].kind != resp::type::bulk || reply.items[1].kind != resp::type::bulk)
    return tl::unexpected(refusal(reply));
  auto& key = reply.items[0].text;
  if (key == wake_key_) return std::nullopt;
  bool is_error = key.ends_with(error_suffix);
  if (!is_error && !key.ends_with(result_suffix))
    return fail(errc::protocol, "the server pops from a list that no BLPOP names");
  key.resize(key.size() - (is_error ? error_suffix : result_suffix).size());
  return popped_reply{std::move(key), is_error, std::move(reply.items[1])};
}

void waiting_link::take(const key_type& answer) {
  if (missing_types_ > 0 && --missing_types_ == 0) is_in_doubt_ = false;
  if (answer.key == wake_key_ && !answer.refused && !answer.may_be_list())
    wake_key_ = options_->project + "." + options_->new_id() + ":wake";
}

void waiting_link::lost() noexcept {
  is_asking_ = is_woken_ = is_in_doubt_ = false;
  asked_.clear();
}

} // namespace patio::redis
