/// Values as JSON that keeps what JSON would lose: each is {"t": type, "v": content}, with numbers,
/// texts and bytes as decimal or hexadecimal text. Written with the separators ", " and ": "; sets
/// are sorted by that text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio::apps {

/// Fails with errc::invalid if the value expands beyond value::expansion_limit.
[[nodiscard]] result<std::string> to_tagged_json(const value& v);
[[nodiscard]] result<std::string> to_tagged_json(const call_request& call);

/// The reverse. Throw nlohmann::json::exception or std::invalid_argument for what is not tagged as
/// above.
[[nodiscard]] value value_from_tagged(const nlohmann::json& tagged);
[[nodiscard]] call_request call_from_tagged(const nlohmann::json& tagged);

} // namespace patio::apps
