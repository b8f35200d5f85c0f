#include <patio/actors/broker/dialler.hpp>

#include <utility>

namespace patio {
namespace {

/// A connection that ends within this time after its login counts as a failure, so the delay before
/// the next dial grows.
constexpr std::chrono::seconds settled{1};

/// A name that resolves to other addresses each time must not be dialled without a pause forever.
constexpr std::size_t max_avoided = 16;

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

std::vector<std::string> dialler::avoided(std::uint64_t number) const {
  auto at = dials_.find(number);
  return at == dials_.end() ? std::vector<std::string>{} : at->second.avoided;
}

void dialler::reached(std::uint64_t number, std::string address, bool has_others) {
  auto at = dials_.find(number);
  if (at == dials_.end()) return;
  at->second.address = std::move(address);
  at->second.has_others = has_others;
}

void dialler::logged_in(std::uint64_t number, const peer_info& peer) {
  auto at = dials_.find(number);
  if (at == dials_.end()) return;
  at->second.has_others = false;
  at->second.avoided.clear();
  at->second.earlier.clear();
  if (auto answer = std::exchange(at->second.answer, nullptr)) answer(peer);
}

void dialler::lost(std::uint64_t number, std::chrono::nanoseconds logged_in_for) {
  auto at = dials_.find(number);
  if (at == dials_.end() || logged_in_for <= settled) return;
  at->second.wait.succeeded();
  at->second.reported = false;
}

bool ends_at(give_up when, const error& why) {
  return when == give_up::at_first_failure || (when == give_up::when_refused && is_refusal(why));
}

/// Returns the error with the address that was reached, and with what happened at the addresses
/// before it.
error dialler::with_addresses(dial& d, const error& why) {
  auto address = std::exchange(d.address, {});
  auto full =
    address.empty() || address == to_string(d.target.where) ? why : in_context(address, why);
  if (d.earlier.empty()) return full;
  error all{why.code, std::exchange(d.earlier, {}) + text_of(full), {}};
  all.remedy = why.remedy;
  return all;
}

std::optional<dialler::retry> dialler::failed(std::uint64_t number, const error& why) {
  auto at = dials_.find(number);
  if (at == dials_.end()) return {};
  auto& d = at->second;
  if (std::exchange(d.has_others, false) && d.avoided.size() < max_avoided) {
    d.avoided.push_back(d.address);
    auto full = with_addresses(d, why);
    d.earlier = text_of(full) + "; ";
    return retry{{}, false, std::move(full)};
  }
  d.avoided.clear();
  auto full = with_addresses(d, why);
  if (d.answer && ends_at(d.target.options.gives_up, why)) {
    auto answer = std::move(d.answer);
    dials_.erase(at);
    answer(tl::unexpected(std::move(full)));
    return {};
  }
  auto wait = d.wait.failed(why.code == errc::login_refused);
  return retry{wait, !std::exchange(d.reported, true), std::move(full)};
}

void dialler::shut_down() {
  for (auto& [number, d] : dials_)
    if (auto answer = std::exchange(d.answer, nullptr)) answer(fail(errc::shut_down, {}));
}

} // namespace patio
