#include <patio/protocol/decode_job.hpp>

#include <algorithm>
#include <set>

#include <patio/convert/convert.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/session_options.hpp>

namespace patio::protocol {

void decode_job::run(std::string_view payload) {
  const auto& limits = options_->limits.pickle;
  switch (header_.type) {
  case packet::request: {
    auto& to = decoded_.emplace<request>();
    to.call = read_call_request(payload, limits, options_->types, &to.bytes);
    return;
  }
  case packet::discover_response:
    return to_names(decoded_.emplace<served_names>(served_names{read_pickle(payload, limits)}));
  case packet::error:
    decoded_ = read_pickle(payload, limits, unknown_class::as_exception, options_->types);
    return;
  default: decoded_ = read_pickle(payload, limits, unknown_class::refuse, options_->types); return;
  }
}

// Checks the limits before it copies any text: a list may refer to one long text many times.
void decode_job::to_names(served_names& out) const {
  const auto& limits = options_->limits;
  auto no_list = [](const error& why) {
    return tl::unexpected(in_context("DISCOVER_RESPONSE is not a list of names",
                                     {errc::undecodable, text_of(why), {}, why.exceeded}));
  };
  if (!out.list) {
    out.names = no_list(out.list.error());
    return;
  }
  auto items = detail::sequence_items(*out.list, "list");
  if (!items) return void(out.names = no_list(items.error()));
  if (items->size() > limits.names_per_peer)
    return void(out.names = fail(errc::undecodable, limit::names_per_peer,
                                 "the peer serves more than "
                                   + std::to_string(limits.names_per_peer) + " names"));
  // A text that the list refers to many times is copied only once. Later comparisons then also meet
  // that text only once.
  std::set<const void*> seen;
  auto& names = *out.names;
  for (const auto& item : *items) {
    if (item.identity() && !seen.insert(item.identity()).second) continue;
    if (!item.is_text())
      return void(out.names = no_list(detail::within(
                    "item " + std::to_string(&item - items->data()), mismatch("str", item))));
    if (item.text().size() > limits.name_bytes) out.some_too_long = true;
    else names.emplace_back(item.text());
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
}

void decode_job::run() noexcept {
  try {
    run(payload_.view());
  } catch (const std::exception&) { // out of memory
    decoded_ = std::monostate{};
  }
}

} // namespace patio::protocol
