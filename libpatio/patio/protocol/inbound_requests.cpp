#include <patio/protocol/inbound_requests.hpp>

#include <utility>

namespace patio::protocol {
namespace {

/// A busy connection has many requests in flight, and an idle connection should hold little memory.
constexpr std::size_t max_spare = 32;

} // namespace

std::optional<error> inbound_requests::refusal(const call_request& call,
                                               const limits& bounds) const {
  if (running_.size() >= bounds.inbound_calls)
    return error{errc::overloaded,
                 "overloaded: " + std::to_string(running_.size())
                   + " calls from this connection are unanswered",
                 {},
                 limit::inbound_calls};
  if (call.function.size() > bounds.name_bytes)
    return error{errc::undecodable,
                 "the function's name has more than " + std::to_string(bounds.name_bytes)
                   + " bytes",
                 {},
                 limit::name_bytes};
  if (call.args.keywords.size() > bounds.keywords_per_call)
    return error{errc::undecodable,
                 "more than " + std::to_string(bounds.keywords_per_call) + " keyword arguments",
                 {},
                 limit::keywords_per_call};
  return {};
}

request_id inbound_requests::add(std::uint32_t serial) {
  request_id id{serial, ++last_number_};
  if (!spare_.empty()) {
    auto entry = std::move(spare_.back());
    spare_.pop_back();
    entry.key() = serial;
    entry.mapped() = {id.number};
    running_.insert(std::move(entry));
  } else {
    running_.emplace(serial, request{id.number});
  }
  return id;
}

void inbound_requests::hold(request_id id, std::shared_ptr<queue_place> held) {
  auto at = running_.find(id.serial);
  if (at != running_.end() && at->second.number == id.number) at->second.held = std::move(held);
}

const inbound_requests::request* inbound_requests::find(request_id id) const {
  auto at = running_.find(id.serial);
  return at != running_.end() && at->second.number == id.number ? &at->second : nullptr;
}

std::optional<request_id> inbound_requests::id_of(std::uint32_t serial) const {
  auto at = running_.find(serial);
  if (at == running_.end()) return {};
  return request_id{serial, at->second.number};
}

std::optional<std::stop_source> inbound_requests::take(request_id id) {
  auto at = running_.find(id.serial);
  if (at == running_.end() || at->second.number != id.number) return {};
  auto stop = std::exchange(at->second.stop, std::stop_source{std::nostopstate});
  if (auto held = std::move(at->second.held)) held->leave();
  if (spare_.size() < max_spare) spare_.push_back(running_.extract(at));
  else running_.erase(at);
  return stop;
}

void inbound_requests::stop_all() {
  for (auto& [serial, request] : std::exchange(running_, {})) request.stop.request_stop();
}

std::stop_token inbound_requests::stop_token(request_id id) {
  auto at = running_.find(id.serial);
  if (at == running_.end() || at->second.number != id.number) {
    std::stop_source ended;
    ended.request_stop();
    return ended.get_token();
  }
  auto& stop = at->second.stop;
  if (!stop.stop_possible()) stop = std::stop_source{};
  return stop.get_token();
}

} // namespace patio::protocol
