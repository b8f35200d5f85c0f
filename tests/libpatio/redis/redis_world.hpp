/// Nodes and a simulated Redis in virtual time. Bytes wait in the links until the test moves them,
/// so a test can cut them anywhere and break a link at any moment.
#pragma once

#include <map>
#include <memory>
#include <random>
#include <vector>

#include <patio/redis/node.hpp>

#include "redis/simulated_redis.hpp"

/// Bytes on their way between a node and the server.
struct redis_wire {
  simulated_redis::client_id client = 0;
  std::string to_server = {}, to_node = {};
};

class redis_participant {
public:
  redis_participant(patio::redis::settings options, patio::registry functions,
                    std::vector<patio::redis::serving_group> groups)
      : node{std::move(options), std::move(functions), std::move(groups)} {}

  patio::redis::node node;
  std::map<patio::redis::link_number, redis_wire> wires;
  std::map<std::uint64_t, patio::result<patio::value>> ended; ///< by token
  std::map<std::uint64_t, int> ends;                          ///< by token
  std::deque<patio::redis::execute_task> to_run;
  std::vector<patio::redis::log_line> log;
  std::vector<patio::redis::names_listed> lists;
  std::vector<patio::redis::pong> pongs;
  std::vector<patio::redis::connection_news> news;
  bool can_dial = true;           ///< else each dial fails
  std::size_t largest_output = 0; ///< bytes that the node gave at once
};

class redis_world {
public:
  using number = std::size_t;

  /// Adds a node that serves `functions` with this number of workers.
  number add(const patio::registry& functions = patio::registry{}, std::size_t workers = 4,
             patio::redis::tuning tuning = {});
  [[nodiscard]] redis_participant& at(number n) { return *nodes.at(n); }

  std::uint64_t call(number n, const std::string& function, std::vector<patio::value> args,
                     patio::value timeout = 5);
  /// Cancels a call of the node.
  void cancel(number n, std::uint64_t token);
  /// Handles the events of all nodes, and moves all bytes until nothing moves.
  void settle();
  /// Lets time pass in steps, and settles after each step.
  void advance(std::chrono::nanoseconds d);
  /// Runs the waiting tasks of a node in this thread, and settles.
  void run_tasks(number n);
  void run_one(number n);
  /// Breaks a link. Bytes on their way are lost, and the node notices.
  void break_link(number n, patio::redis::link_number link);
  void break_all(number n);
  /// Breaks a link, but the server does not notice: bytes on their way to it still arrive, and what
  /// it pops for this client is lost.
  void abandon_link(number n, patio::redis::link_number link);
  /// The server gets bytes of an abandoned link, and notices the end of a link without bytes.
  void move_abandoned(std::size_t max);
  /// The server ends and starts again, and all nodes notice.
  void restart(bool keeps_data);
  /// The node dies. The server notices at once.
  void kill(number n);

  // One step of a random schedule.
  void handle_events(number n);
  /// Moves up to `max` bytes in each direction of each link. Returns true if there were any.
  bool move_bytes(number n, std::size_t max);
  void tick();

  std::deque<redis_wire> abandoned;
  simulated_redis redis;
  std::vector<std::unique_ptr<redis_participant>> nodes; ///< null for a dead one
  patio::instant now{std::chrono::seconds{1000}};

private:
  void collect(redis_participant& p);

  std::map<std::uint64_t, patio::redis::call_number> numbers_; ///< by token
  std::uint64_t last_token_ = 0, last_id_ = 0;
};

/// mul(a, b), fail(text), echo(*args, **kwargs)
[[nodiscard]] patio::registry redis_functions();
