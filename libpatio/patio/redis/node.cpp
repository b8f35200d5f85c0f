#include <patio/redis/node.hpp>

#include <algorithm>
#include <utility>

namespace patio::redis {
namespace {

/// The numbers of the server's links; the caller's have lower ones.
constexpr link_number first_of_server = 1'000'000;

} // namespace

node::node(settings options, registry functions, std::vector<serving_group> groups)
    : options_{std::make_shared<const settings>(std::move(options))}, calls_{options_, events_, 1},
      server_{options_, events_, std::move(functions), std::move(groups), first_of_server} {}

void node::opened(link_number number, instant now) {
  if (auto* l = find(number)) l->opened(now);
}

void node::closed(link_number number, const error& why, instant now) {
  if (number < first_of_server) calls_.closed(number, why, now);
  else server_.closed(number, why, now);
}

void node::receive(link_number number, std::string_view bytes, instant now) {
  if (number < first_of_server) calls_.receive(number, bytes, now);
  else server_.receive(number, bytes, now);
}

void node::set_congested(link_number number, bool congested, instant now) {
  if (auto* l = find(number)) l->set_congested(congested);
  if (number == 1) calls_.send_held(now);
  if (number == first_of_server) server_.send_waiting(now);
}

void node::tick(instant now) {
  calls_.tick(now);
  server_.tick(now);
}

void node::links(std::vector<link_number>& out) const {
  for (link_number i = 0; i < calls_.links(); ++i) out.push_back(1 + i);
  for (link_number i = 0; i < server_.links(); ++i) out.push_back(first_of_server + i);
}

link* node::find(link_number number) {
  return number < first_of_server ? calls_.find(number) : server_.find(number);
}

void node::take_output(link_number number, std::string& out, instant now) {
  if (number == 1) calls_.send_held(now);
  if (number == first_of_server) server_.send_waiting(now);
  if (auto* l = find(number)) l->take_output(out);
}

bool node::is_logging_in(link_number number) {
  auto* l = find(number);
  return l && !l->is_ready();
}

instant node::next_deadline() const noexcept {
  return std::min(calls_.next_deadline(), server_.next_deadline());
}

} // namespace patio::redis
