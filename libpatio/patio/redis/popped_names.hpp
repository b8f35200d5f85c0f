/// The functions whose lists a server pops, without those whose keys are no lists. A value.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <patio/base/time.hpp>

namespace patio::redis {

class popped_names {
public:
  explicit popped_names(std::vector<std::string> names) : names_{std::move(names)} {}

  [[nodiscard]] const std::vector<std::string>& all() const noexcept { return names_; }
  [[nodiscard]] bool has_lists() const noexcept { return left_out_.size() < names_.size(); }
  /// Appends the names that are not left out. BLPOP prefers its first list, so each call begins
  /// with another name.
  void append_to(std::vector<std::string_view>& parts);

  /// Leaves a name out. The pause until the next check doubles each time, from 1 s to 60 s. Returns
  /// true if the name was not left out before.
  bool leave_out(const std::string& name, instant now);
  /// Takes a name back. Returns true if it was left out.
  bool take_back(const std::string& name) { return left_out_.erase(name) > 0; }
  /// The names whose pause is over.
  [[nodiscard]] std::vector<std::string> due(instant now) const;
  [[nodiscard]] instant next_check() const noexcept;

private:
  struct pause {
    instant until;
    std::chrono::nanoseconds length;
  };

  std::vector<std::string> names_;
  std::map<std::string, pause, std::less<>> left_out_;
  std::size_t first_ = 0;
};

} // namespace patio::redis
