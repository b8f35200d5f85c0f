/// Shared by the tests of the codec: refusals, values and pickles as text.
#pragma once

#include <string>
#include <string_view>

#include <patio/pickle/pickle.hpp>
#include <patio/value/repr.hpp>

#include "hex.hpp"

/// Returns the message of the refusal, or "accepted". The error code must be undecodable.
inline std::string refusal(std::string_view pickle, const patio::pickle_limits& limits = {},
                           patio::unknown_class unknown = patio::unknown_class::refuse) {
  auto v = patio::read_pickle(pickle, limits, unknown);
  if (v) return "accepted";
  return v.error().code == patio::errc::undecodable ? v.error().message : "another code";
}

inline std::string call_refusal(std::string_view pickle, const patio::pickle_limits& limits = {}) {
  auto call = patio::read_call_request(pickle, limits);
  if (call) return "accepted";
  return call.error().code == patio::errc::undecodable ? call.error().message : "another code";
}

/// Returns Python's repr of the value in a hexadecimal pickle, or the message of the refusal.
inline std::string read(std::string_view hex) {
  auto v = patio::read_pickle(from_hex(hex));
  return v ? *patio::repr(*v) : v.error().message;
}

inline std::string written(const patio::value& v) {
  std::string out;
  auto done = patio::write_pickle(v, out);
  return done ? out : "refused: " + done.error().message;
}

inline std::string written(const patio::call_request& call) {
  std::string out;
  auto done = patio::write_call_request(call, out);
  return done ? out : "refused: " + done.error().message;
}

/// Returns whether two calls are equal in every kind and bit and in the order of keyword arguments.
inline bool same_call(const patio::call_request& a, const patio::call_request& b) {
  auto value_of = [](const patio::call_request& call) {
    std::vector<patio::value> fields{call.function, patio::value::list(call.args.positional),
                                     call.timeout};
    for (const auto& [name, v] : call.args.keywords)
      fields.push_back(patio::value::tuple({name, v}));
    return patio::value::tuple(fields);
  };
  return identical(value_of(a), value_of(b));
}
