#include <patio/actors/broker/dialler.hpp>

#include <utility>

namespace patio {
namespace {

/// A connection that ends within this time after its login counts as a failure, so the delay before
/// the next dial grows.
constexpr std::chrono::seconds settled{1};

} // namespace

std::uint64_t dialler::add(dial_target target, answer_function answer, std::uint64_t seed) {
  auto number = ++last_number_;
  dials_.emplace(number, dial{std::move(target), std::move(answer), backoff{reconnect_, seed}});
  return number;
}

const dial_target* dialler::find(std::uint64_t number) const {
  auto at = dials_.find(number);
  return at == dials_.end() ? nullptr : &at->second.target;
}

void dialler::logged_in(std::uint64_t number, const peer_info& peer) {
  auto at = dials_.find(number);
  if (at == dials_.end()) return;
  if (auto answer = std::exchange(at->second.answer, nullptr)) answer(peer);
}

void dialler::lost(std::uint64_t number, std::chrono::nanoseconds logged_in_for) {
  auto at = dials_.find(number);
  if (at == dials_.end() || logged_in_for <= settled) return;
  at->second.wait.succeeded();
  at->second.reported = false;
}

std::optional<dialler::retry> dialler::failed(std::uint64_t number, const error& why) {
  auto at = dials_.find(number);
  if (at == dials_.end()) return {};
  auto& d = at->second;
  if (d.answer && !d.target.options.until_connected) {
    auto answer = std::move(d.answer);
    dials_.erase(at);
    answer(tl::unexpected(why));
    return {};
  }
  auto wait = d.wait.failed(why.code == errc::login_refused);
  return retry{wait, !std::exchange(d.reported, true)};
}

void dialler::shut_down() {
  for (auto& [number, d] : dials_)
    if (auto answer = std::exchange(d.answer, nullptr)) answer(fail(errc::shut_down, {}));
}

} // namespace patio
