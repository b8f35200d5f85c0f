#include <patio/protocol/descriptions.hpp>

#include <algorithm>

#include <patio/pickle/pickle.hpp>

namespace patio::protocol {
namespace {

result<std::string> describe_functions(std::string_view payload, const session_options& options,
                                       const std::vector<std::string>& proved) {
  auto asked = read_pickle(payload, options.limits.pickle);
  if (!asked) return tl::unexpected(std::move(asked.error()));
  auto names = from_value<std::vector<std::string>>(*asked);
  if (!names) return tl::unexpected(std::move(names.error()));
  if (names->size() > max_described)
    return fail(errc::protocol,
                "must not have more than " + std::to_string(max_described) + " names");
  std::vector<value> told;
  for (const auto& name : *names) {
    auto known = options.descriptions.find(name);
    bool is_told = known != options.descriptions.end() && may_call(options.rules, proved, name);
    told.push_back(is_told ? known->second : value{});
  }
  std::string bytes;
  auto max_bytes = options.limits.frame_bytes;
  if (write_pickle(value::list(std::move(told)), bytes, {}, max_bytes)) return bytes;
  (void)write_pickle(value::list(std::vector<value>(names->size())), bytes);
  return bytes;
}

} // namespace

bool ask_about(session& s, std::uint64_t token, std::span<const std::string> names) {
  auto asked = names.first(std::min(names.size(), max_described));
  std::string payload;
  bool can_ask =
    s.status().agreed.describe
    && write_pickle(to_value(std::vector<std::string>(asked.begin(), asked.end())), payload);
  if (!can_ask) return false;
  auto serial = s.outbound().add(awaited_answer::kind::description, token, s.output().position());
  s.output().put(packet::describe, serial, payload);
  return true;
}

void answer_describe(session& s, const frame_reader::frame& f, const session_options& options) {
  auto told = describe_functions(f.payload, options, s.login().proved());
  if (told) return s.output().put(packet::description, f.header.serial, *told);
  s.close(in_context(describe(f.header), {errc::protocol, text_of(told.error()), {}}));
}

void take_description(session& s, const frame_header& header, result<value>& payload) {
  if (!payload)
    return s.close(in_context(
      describe(header), {errc::protocol, text_of(payload.error()), {}, payload.error().exceeded}));
  if (auto asked = s.outbound().take(header.serial))
    s.events().push(question_answered{asked->token, std::move(*payload)});
}

} // namespace patio::protocol
