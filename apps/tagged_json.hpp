/// Values as JSON without loss: each value is {"t": type, "v": content}. An int is decimal text; a
/// float, a str and bytes are hexadecimal text. The separators are ", " and ": ". The items of a
/// set are sorted by their JSON text.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include <patio/value/call_request.hpp>
#include <patio/value/error.hpp>

namespace patio::apps {

/// Fails with errc::invalid if the value expands beyond value::expansion_limit.
[[nodiscard]] result<std::string> to_tagged_json(const value& v);
[[nodiscard]] result<std::string> to_tagged_json(const call_request& call);

/// The inverse functions. They throw nlohmann::json::exception or std::invalid_argument for JSON in
/// another form.
[[nodiscard]] value value_from_tagged(const nlohmann::json& tagged);
[[nodiscard]] call_request call_from_tagged(const nlohmann::json& tagged);

} // namespace patio::apps
