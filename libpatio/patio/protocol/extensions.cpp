#include <patio/protocol/extensions.hpp>

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include <patio/convert/convert.hpp>

namespace patio::protocol {
namespace {

constexpr std::array<std::pair<std::string_view, bool extensions::*>, 5> names{{
  {"cancel", &extensions::cancel},
  {"leaving", &extensions::leaving},
  {"endings", &extensions::endings},
  {"credit", &extensions::credit},
  {"describe", &extensions::describe},
}};

/// Bounds of the payload size, in bytes. A payload outside these bounds, such as Python's None, is
/// not decoded, because a peer may send any number of DISCOVER_REQUESTs.
constexpr std::size_t shortest_announcement = 16, longest_announcement = 4096;

constexpr std::string_view note_begins = "patio: ";
/// The endings that a callee may report. Only the caller's own node reports endings of a
/// connection. A callee reports maybe_executed for a call whose worker process it has lost.
constexpr std::array endings{errc::timeout,       errc::cancelled,   errc::no_route,
                             errc::overloaded,    errc::undecodable, errc::shut_down,
                             errc::maybe_executed};

const value* entry(const value& dict, const char* key) {
  return dict.kind() == kind::dict ? dict.find(key) : nullptr;
}

} // namespace

std::string announcement(const extensions& ours) {
  std::vector<std::string> announced;
  for (auto [name, member] : names)
    if (ours.*member) announced.emplace_back(name);
  value payload;
  if (!announced.empty())
    payload = to_value(std::map<std::string, value>{
      {"patio", to_value(std::map<std::string, value>{{"extensions", to_value(announced)},
                                                      {"version", 1}})}});
  std::string bytes;
  (void)write_pickle(payload, bytes); // cannot fail: the payload has built-in types only
  return bytes;
}

extensions read_announcement(std::string_view payload, const pickle_limits& limits) {
  extensions theirs;
  if (payload.size() < shortest_announcement || payload.size() > longest_announcement)
    return theirs;
  auto outer = read_pickle(payload, limits);
  const auto* inner = outer ? entry(*outer, "patio") : nullptr;
  const auto* version = inner ? entry(*inner, "version") : nullptr;
  const auto* listed = inner ? entry(*inner, "extensions") : nullptr;
  if (!version || *version != value{1} || !listed) return theirs;
  auto items = detail::sequence_items(*listed, "list");
  if (!items) return theirs;
  for (const auto& one : *items)
    for (auto [name, member] : names)
      if (one == value{name}) theirs.*member = true;
  return theirs;
}

value to_noted_exception(const error& e) {
  auto plain = to_exception(e);
  if (std::find(endings.begin(), endings.end(), e.code) == endings.end()) return plain;
  auto args = plain.exception_args();
  return value::exception(std::string{plain.exception_type()}, {args.begin(), args.end()},
                          {std::string{note_begins}.append(to_string(e.code))});
}

error from_noted_exception(value exception) {
  auto notes = exception.exception_notes();
  if (notes.size() != 1 || !notes[0].is_text() || !notes[0].text().starts_with(note_begins))
    return remote_error(std::move(exception));
  auto name = notes[0].text().substr(note_begins.size());
  auto code =
    std::find_if(endings.begin(), endings.end(), [&](errc e) { return name == to_string(e); });
  if (code == endings.end()) return remote_error(std::move(exception));
  auto args = exception.exception_args();
  bool has_text = args.size() == 1 && args[0].is_text() && args[0].text() != describe(*code);
  return {*code, has_text ? std::string{args[0].text()} : std::string{}, {}};
}

} // namespace patio::protocol
