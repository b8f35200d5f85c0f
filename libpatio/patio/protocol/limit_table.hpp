/// Reads and sets `limits` by name, for command lines and configuration files. The functions have
/// no state and run on any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include <patio/base/api.hpp>
#include <patio/base/limit.hpp>
#include <patio/protocol/limits.hpp>

namespace PATIO_API patio {

struct limit_row {
  limit which;
  std::string_view name;    ///< the field's name, with an underscore for each dot
  std::string_view meaning; ///< description for users, one line
};

/// Returns every limit except `none`, in the order of `limit`.
[[nodiscard]] std::span<const limit_row> limit_table() noexcept;

/// Returns a limit in the syntax of `set_limit`: "16MiB", "1024", "0.5s".
[[nodiscard]] std::string limit_value(const limits& all, limit which);

/// Sets a limit from "NAME=VALUE". The value is a count, a number of bytes (unit KiB, MiB, GiB or
/// none), or a time (unit s, ms, min, h, or none for seconds). Fails with errc::invalid for an
/// unknown name, an invalid value, or a value outside the limit's range.
[[nodiscard]] result<void> set_limit(limits& all, std::string_view assignment);

/// Fails with errc::invalid for the first limit below the minimum of `set_limit`, because such a
/// limit would not work or would not bound anything. Does not check the maximum: a program may
/// set a larger limit.
[[nodiscard]] result<void> check_limits(const limits& all);

} // namespace patio
