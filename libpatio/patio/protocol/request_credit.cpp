#include <patio/protocol/request_credit.hpp>

#include <limits>
#include <utility>
#include <vector>

#include <patio/pickle/pickle.hpp>
#include <patio/value/repr.hpp>

namespace patio::protocol {
namespace {

constexpr std::uint32_t no_serial = 0;    ///< nothing answers the packets of the extension
constexpr std::size_t longest_total = 64; ///< bytes of a payload; CPython's has at most 25

error not_a(const char* what, const value& found) {
  return {errc::protocol, std::string{"the payload must be "} + what + ", not " + brief(found), {}};
}

std::optional<queue_number> to_queue(const value& v) {
  if (v.kind() != kind::integer) return {};
  auto n = v.as_int64();
  if (!n || *n < 0 || *n >= static_cast<std::int64_t>(max_queues)) return {};
  return static_cast<queue_number>(*n);
}

} // namespace

// A total of 0 is not reported: the peer grants its first credit by itself.
void request_credit::report_used(queue_number number, frame_output& out) {
  if (has_room(number)) return;
  auto& q = at(number);
  if (q.sent <= q.reported) return;
  out.put(packet::credit_used, no_serial, write_queue_total({number, q.sent}));
  q.reported = q.sent;
}

void request_credit::tell_queues(const queue_map& queues, frame_output& out) const {
  if (is_agreed_) out.put(packet::queues, no_serial, write_queues(queues));
}

void request_credit::grant(queue_total credit, frame_output& out) {
  auto& given = at(credit.queue).given;
  if (!is_agreed_ || credit.total <= given) return;
  out.put(packet::credit, no_serial, write_queue_total(credit));
  given = credit.total;
}

result<void> request_credit::receive(packet type, std::string_view payload, event_queue& events) {
  auto read = read_queue_total(payload);
  if (!read) return tl::unexpected(std::move(read.error()));
  auto& q = at(read->queue);
  auto name = "queue " + std::to_string(read->queue);
  if (type == packet::credit_used) {
    if (read->total > q.given)
      return fail(errc::protocol, "the peer has used a credit of " + std::to_string(read->total)
                                    + " for " + name + ", but got only " + std::to_string(q.given));
    events.push(credit_event{credit_used{*read}});
    return {};
  }
  if (read->total < q.received)
    return fail(errc::protocol, "the credit for " + name + " decreases from "
                                  + std::to_string(q.received) + " to "
                                  + std::to_string(read->total));
  if (std::exchange(q.received, read->total) < read->total)
    events.push(credit_event{credit_granted{}});
  return {};
}

result<void> request_credit::receive_queues(const result<value>& payload, const limits& bounds,
                                            event_queue& events) {
  if (std::exchange(has_queues_, true)) return fail(errc::protocol, "the queues are told twice");
  if (!payload) return fail(errc::protocol, payload.error().exceeded, text_of(payload.error()));
  auto queues = read_queues(*payload, bounds);
  if (!queues) return tl::unexpected(std::move(queues.error()));
  events.push(credit_event{queues_told{std::move(*queues)}});
  return {};
}

std::string write_queue_total(queue_total t) {
  std::string bytes;
  (void)write_pickle(
    value::tuple({static_cast<std::int64_t>(t.queue), static_cast<std::int64_t>(t.total)}),
    bytes); // cannot fail: the payload has built-in types only
  return bytes;
}

result<queue_total> read_queue_total(std::string_view payload) {
  constexpr auto what = "a queue and a number of requests";
  if (payload.size() > longest_total)
    return tl::unexpected(not_a(what, value::bytes(payload.substr(0, longest_total))));
  auto read = read_pickle(payload);
  if (!read) return fail(errc::protocol, text_of(read.error()));
  if (read->kind() != kind::tuple || read->items().size() != 2)
    return tl::unexpected(not_a(what, *read));
  auto queue = to_queue(read->items()[0]);
  const auto& count = read->items()[1];
  auto total = count.kind() == kind::integer ? count.as_int64() : std::nullopt;
  if (!queue || !total || *total < 0) return tl::unexpected(not_a(what, *read));
  return queue_total{*queue, static_cast<std::uint64_t>(*total)};
}

std::string write_queues(const queue_map& queues) {
  std::vector<std::pair<value, value>> items;
  for (const auto& [name, q] : queues)
    items.emplace_back(name, q == no_queue ? value{} : value{static_cast<std::int64_t>(q)});
  std::string bytes;
  (void)write_pickle(value::dict(std::move(items)), bytes);
  return bytes;
}

result<queue_map> read_queues(const value& payload, const limits& bounds) {
  constexpr auto what = "a dict of names and queues";
  if (payload.kind() != kind::dict || payload.entries().size() > bounds.names_per_peer)
    return tl::unexpected(not_a(what, payload));
  queue_map queues;
  for (const auto& [name, number] : payload.entries()) {
    auto queue = number.is_none() ? std::optional{no_queue} : to_queue(number);
    if (!name.is_text() || !queue) return tl::unexpected(not_a(what, payload));
    if (name.text().size() > bounds.name_bytes) continue;
    queues.emplace_hint(queues.end(), name.text(), *queue);
  }
  return queues;
}

} // namespace patio::protocol
