/// A mesh of nodes in one thread and in virtual time. A seed decides everything: the connections,
/// the calls and the faults. A failing seed replays exactly.
#pragma once

#include <map>
#include <memory>
#include <set>

#include <patio/base/backoff.hpp>

#include "link.hpp"
#include "mesh/driven_node.hpp"
#include "oracle.hpp"

namespace patio::simulation {

using namespace patio::mesh;
using namespace patio::protocol;

struct settings {
  std::uint64_t seed = 0;
  std::chrono::seconds trouble{30}; ///< the time of faults and calls
  std::chrono::seconds quiet{60};   ///< the time without faults, after which the mesh is at rest
  /// The only faults are nodes that shut down properly and come back, and no call may be lost.
  bool only_restarts = false;
  bool forget_a_lost_call = false; ///< an intentional bug that the oracle must detect
};

class mesh;

/// One node with its functions, its dials and its incarnations.
class participant final {
public:
  participant(mesh& owner, std::size_t number);

  void start();
  void crash();
  void go_away();
  [[nodiscard]] bool running() const noexcept { return node_ != nullptr; }
  void call(const std::string& name, value timeout);
  void dial(std::size_t to);
  /// Answers the calls of the functions that hang.
  void wake_hung();
  /// Returns a line for each thing that is left over at rest.
  [[nodiscard]] std::vector<std::string> leftovers() const;
  connection_id open(role side, std::size_t other, std::shared_ptr<link> wire, int end);

private:
  struct wire_end {
    std::shared_ptr<simulation::link> wire;
    int end = 0;
    std::string unsent; ///< output that the socket has not accepted yet
    std::uint64_t sent = 0;
    instant blocked_until{};
    std::optional<std::size_t> dialled;
  };

  void handle(execute_call& event);
  void handle(call_finished& event);
  void handle(answer_received&) {}
  void handle(peer_ready& event);
  void handle(connection_closed& event);
  void handle(log_line& event);
  void handle(decode_payload& event);

  void received(connection_id id, std::string_view bytes);
  void lost(connection_id id);
  void redial(std::size_t to, bool refused);
  void execute_later(const inbound_call& work, const value& number);
  void end_when_drained(instant latest);
  void answer_later(const inbound_id& id, value v);
  void answer(const inbound_id& id, const result<value>& r);
  void pump();
  void write(connection_id id, wire_end& w);
  [[nodiscard]] registry functions() const;

  friend class mesh;
  mesh& owner_;
  std::size_t number_;
  std::uint64_t incarnation_ = 0;
  bool is_draining_ = false;
  std::unique_ptr<driven_node> node_;
  std::map<connection_id, wire_end> wires_;
  std::map<std::size_t, backoff> backoffs_;
  std::map<std::uint64_t, std::function<void(result<value>)>> callers_;
  std::vector<std::function<void()>> hung_;
  std::set<connection_id> blocked_; ///< connections whose socket did not accept all bytes
  std::uint64_t last_token_ = 0;
  instant ticks_at_ = never;
};

class mesh {
public:
  explicit mesh(settings s);
  /// Runs the whole scenario. Returns a line for each error.
  [[nodiscard]] std::vector<std::string> run();
  [[nodiscard]] const simulation::oracle& oracle() const noexcept { return oracle_; }
  [[nodiscard]] std::uint64_t fingerprint() const noexcept { return fingerprint_; }

private:
  void schedule_calls();
  void schedule_faults();
  void break_something();
  void bring_back(std::size_t number);
  [[nodiscard]] participant& any() { return *all_[clock_.below(all_.size())]; }

  friend class participant;
  settings settings_;
  clockwork clock_;
  simulation::oracle oracle_;
  std::vector<std::unique_ptr<participant>> all_;
  std::vector<std::weak_ptr<link>> links_;
  bool healed_ = false;
  std::uint64_t fingerprint_ = 0; ///< depends on all events and their order
};

} // namespace patio::simulation
