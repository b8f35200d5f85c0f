/// The extension `describe`: what a node tells a peer about its functions, beyond their names. A
/// peer asks about names with DESCRIBE, and gets the answers in the same order with DESCRIPTION.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/convert/fields.hpp>
#include <patio/protocol/session.hpp>
#include <patio/value/error.hpp>

namespace PATIO_API patio {

struct function_description {
  std::string signature; ///< "(a: int, b: int = 0) -> int"
  std::string doc;
  std::string executor; ///< empty for the default executor
  bool quick = false;   ///< runs where the call arrives, and not in the executor
  friend bool operator==(const function_description&, const function_description&) = default;
};

/// What a peer says about each name. Nothing if this node may not call the function, or if the peer
/// does not describe its functions.
using function_descriptions = std::vector<std::optional<function_description>>;

} // namespace patio

PATIO_FIELDS(patio::function_description, signature, doc, executor, quick);
/// Later versions may tell more.
template <>
inline constexpr bool patio::ignore_unknown_keys<patio::function_description> = true;

namespace patio::protocol {

/// Names in one DESCRIBE. More close the connection.
inline constexpr std::size_t max_described = 64;

/// Sends a DESCRIBE for the first `max_described` names. The state of the session must be `ready`.
/// The answer comes as question_answered. Returns false if the peer does not know DESCRIBE, or if a
/// name is not UTF-8.
[[nodiscard]] bool ask_about(session& s, std::uint64_t token, std::span<const std::string> names);

/// Answers a DESCRIBE. A function that the peer may not call is described like one that does not
/// exist: by None. Closes the session if the payload is not a DESCRIBE.
void answer_describe(session& s, const frame_reader::frame& f, const session_options& options);

/// Takes the DESCRIPTION that answers a DESCRIBE.
void take_description(session& s, const frame_header& header, result<value>& payload);

} // namespace patio::protocol
