/// `limits` by name, for command lines and configuration files. No state, any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <patio/base/limit.hpp>
#include <patio/protocol/limits.hpp>

namespace patio {

struct limit_row {
  limit which;
  std::string_view name;    ///< the field's, with an underscore for each dot
  std::string_view meaning; ///< one line for people
};

/// Every limit, in the order of `limit`, without `none`.
[[nodiscard]] std::span<const limit_row> limit_table() noexcept;

/// As `set_limit` takes it: "16MiB", "1024", "0.5s".
[[nodiscard]] std::string limit_value(const limits& all, limit which);

/// "NAME=VALUE": a count; bytes, with or without KiB, MiB or GiB; seconds, with or without s, ms,
/// min or h. Fails with errc::invalid for an unknown name, for what is no such value, and for one
/// outside what the limit can be.
[[nodiscard]] result<void> set_limit(limits& all, std::string_view assignment);

/// Fails with errc::invalid for the first that is less than `set_limit` takes: what it bounds would
/// not work, or have no bound. More is for programs to decide.
[[nodiscard]] result<void> check_limits(const limits& all);

} // namespace patio
