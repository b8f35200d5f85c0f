/// Records what happened to every call, and checks it: a call must end once, be executed at most
/// once, and end with the right result.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <patio/value/error.hpp>

namespace patio::simulation {

class oracle {
public:
  /// Records that a call begins. Returns its number, which is also its argument.
  [[nodiscard]] std::int64_t begin() {
    calls_.emplace_back();
    return static_cast<std::int64_t>(calls_.size() - 1);
  }
  void executed(std::int64_t call) { ++at(call).executed; }
  void ended(std::int64_t call, const result<value>& r) {
    auto& c = at(call);
    ++c.ended;
    c.code = r ? errc{} : r.error().code;
    if (r && *r != value{call}) complain(call, "another call's value");
  }

  /// Returns a line for each violation.
  [[nodiscard]] std::vector<std::string> verdict() {
    for (std::size_t i = 0; i < calls_.size(); ++i) judge(static_cast<std::int64_t>(i), calls_[i]);
    return complaints_;
  }

  [[nodiscard]] int executions(std::int64_t call) { return at(call).executed; }
  [[nodiscard]] std::size_t calls() const noexcept { return calls_.size(); }
  [[nodiscard]] std::map<std::string, std::size_t> account() const {
    std::map<std::string, std::size_t> sums;
    for (const auto& c : calls_)
      ++sums[c.code == errc{} ? "value" : std::string{to_string(c.code)}];
    return sums;
  }
  void complain(std::int64_t call, const std::string& why) {
    complaints_.push_back("call " + std::to_string(call) + ": " + why);
  }

private:
  struct history {
    int executed = 0, ended = 0;
    errc code{}; ///< 0 stands for a value
  };
  history& at(std::int64_t number) { return calls_.at(static_cast<std::size_t>(number)); }

  void judge(std::int64_t number, const history& c) {
    if (c.ended != 1) complain(number, "ended " + std::to_string(c.ended) + " times");
    if (c.executed > 1) complain(number, "executed " + std::to_string(c.executed) + " times");
    // These cannot happen: all nodes follow the protocol, and no link changes a byte.
    if (c.code == errc::undecodable || c.code == errc::protocol || c.code == errc::invalid)
      complain(number, "ended as " + std::string{to_string(c.code)});
    if (c.ended == 1 && c.code == errc{} && c.executed == 0)
      complain(number, "has a value without being executed");
    if ((c.code == errc::not_sent || c.code == errc::no_route) && c.executed > 0)
      complain(number, "executed, though it ended as " + std::string{to_string(c.code)});
  }

  std::vector<history> calls_;
  std::vector<std::string> complaints_;
};

} // namespace patio::simulation
