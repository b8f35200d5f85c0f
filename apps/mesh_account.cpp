#include "mesh_account.hpp"

#include <algorithm>
#include <sstream>

namespace patio::apps {

void mesh_account::record(std::size_t node, std::string_view line) {
  std::istringstream words{std::string{line}};
  std::string kind, ending;
  std::uint64_t number = 0, microseconds = 0;
  words >> kind;
  if (kind == "idle") nodes_[node].idle = true;
  else if (!(words >> number)) return;
  else if (kind == "p") nodes_[node].peers = number;
  else if (kind == "x") ++calls_[number].executed;
  else if (kind == "b") {
    auto& c = calls_[number];
    ++c.begun;
    c.caller = node;
  } else if (kind == "e" && words >> ending >> microseconds) {
    ++calls_[number].ended;
    ++endings_[ending];
    if (ending == "value") latencies_.push_back(microseconds);
  }
}

void mesh_account::started(std::size_t node) { nodes_[node] = {}; }

void mesh_account::killed(std::size_t node) {
  nodes_[node] = {0, true};
  for (auto& [number, c] : calls_)
    if (c.caller == node && c.begun > 0 && c.ended == 0 && !std::exchange(c.caller_killed, true))
      ++endings_["caller_killed"];
}

bool mesh_account::all_idle() const {
  return std::all_of(nodes_.begin(), nodes_.end(), [](const auto& n) { return n.second.idle; });
}

std::size_t mesh_account::links() const {
  std::size_t ends = 0;
  for (const auto& [number, n] : nodes_) ends += n.peers;
  return (ends + 1) / 2;
}

std::size_t mesh_account::open() const {
  return static_cast<std::size_t>(std::count_if(calls_.begin(), calls_.end(), [](const auto& c) {
    return c.second.begun > 0 && c.second.ended == 0 && !c.second.caller_killed;
  }));
}

std::size_t mesh_account::failed() const {
  std::size_t sum = 0;
  for (const auto& [ending, count] : endings_)
    if (ending != "value" && ending != "caller_killed") sum += count;
  return sum;
}

mesh_account::summary mesh_account::summarize() const {
  summary s;
  s.wrong = ended_as("wrong");
  for (const auto& [number, c] : calls_) {
    s.begun += c.begun > 0;
    s.ended += c.ended > 0;
    s.caller_killed += c.caller_killed && c.ended == 0;
    s.hung += c.begun > 0 && c.ended == 0 && !c.caller_killed;
    s.ended_twice += c.ended > 1;
    s.executed += c.executed > 0;
    s.executed_twice += c.executed > 1;
  }
  return s;
}

} // namespace patio::apps
