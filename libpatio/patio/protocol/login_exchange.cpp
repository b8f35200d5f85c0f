#include <patio/protocol/login_exchange.hpp>

#include <utility>

#include <patio/protocol/login.hpp>

namespace patio::protocol {

login_exchange::login_exchange(role side, std::string nonce) : side_{side} {
  if (side == role::client) salt_ = std::move(nonce);
  else challenge_ = login_challenge(nonce);
}

packet login_exchange::expected() const noexcept {
  if (side_ == role::server) return packet::auth_request;
  return challenge_.empty() ? packet::auth_digest : packet::auth_ok;
}

result<login_exchange::step> login_exchange::take(std::string_view payload,
                                                  const session_options& options) {
  if (side_ == role::server) return check(payload, options);
  if (!challenge_.empty()) return step{.is_done = true};
  if (payload.empty()) return fail(errc::login_refused, "the server's challenge is empty");
  challenge_ = payload;
  return step{packet::auth_request, login_answer(challenge_, options.key.view(), salt_)};
}

result<login_exchange::step> login_exchange::check(std::string_view answer,
                                                   const session_options& options) {
  const auto& named = options.keys;
  std::vector<secret> keys;
  for (const auto& other : named) keys.push_back(other.key);
  // The node's own key comes last, so that every other key has the same index here and in `named`.
  if (!options.key.empty() || named.empty()) keys.push_back(options.key);
  auto which = check_login(answer, challenge_, keys);
  if (!which) return tl::unexpected(std::move(which.error()));
  if (*which < named.size()) proved_.push_back(named[*which].name);
  return step{packet::auth_ok, "\x80\x05N.", true};
}

void login_exchange::prove(const std::vector<std::string>& names) {
  proved_.insert(proved_.end(), names.begin(), names.end());
}

} // namespace patio::protocol
