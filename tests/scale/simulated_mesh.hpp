/// A TCP mesh in virtual time whose links only delay. All nodes dial at the same moment.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include <patio/base/backoff.hpp>
#include <patio/mesh/node.hpp>

#include "simulated.hpp"

namespace patio::scale {

class simulated_mesh {
public:
  using number = std::uint32_t;

  explicit simulated_mesh(const plan& p);
  /// Runs until every dial has led to a login. Returns the virtual time that this took.
  [[nodiscard]] instant form();
  void idle(std::chrono::nanoseconds time) { run_until(now_ + time); }

  [[nodiscard]] const traffic& sent() const noexcept { return sent_; }
  [[nodiscard]] std::size_t connections() const noexcept { return wanted_; }
  [[nodiscard]] std::size_t failed_dials() const noexcept { return failed_dials_; }
  /// Returns the memory of the simulation itself, which does not belong to the nodes.
  [[nodiscard]] std::size_t own_bytes() const noexcept;

private:
  static constexpr std::chrono::microseconds latency{500};

  struct wire {
    number other = 0; ///< the node at the other end
    bool has_dialled = false, is_open = false;
    connection_id other_id = 0;
    std::uint64_t sent = 0;
  };
  struct member {
    std::unique_ptr<mesh::node> node;
    std::vector<wire> wires; ///< by connection_id
    instant ticks_at = never;
  };
  struct delivery {
    instant at;
    number node;
    bool is_end;
    connection_id id;
    std::string bytes;
  };
  /// A tick of a node, or a dial.
  struct task {
    instant at;
    number node;
    number dials; ///< the node itself: a tick
    friend bool operator<(const task& a, const task& b) noexcept { return a.at > b.at; }
  };

  void run_until(instant end);
  void deliver(delivery d);
  void tick(number n);
  void dial(number from, number to);
  void redial(number from, number to, bool refused);
  void open(number n, wire w, role side, connection_id id);
  void handle_events(number n);
  void handle(number n, mesh::connection_closed& e);
  void pump(number n);
  [[nodiscard]] std::string nonce(role side);

  instant now_{};
  std::vector<member> members_;
  std::deque<delivery> in_flight_; ///< in the order of arrival, because all links are equally long
  std::priority_queue<task> tasks_;
  std::map<std::pair<number, number>, backoff> backoffs_; ///< of dials that have failed
  traffic sent_;
  std::size_t wanted_ = 0, ready_ = 0, failed_dials_ = 0;
  std::uint64_t last_nonce_ = 0;
};

} // namespace patio::scale
