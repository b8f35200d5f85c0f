/// Events that the Redis machines report to their owner. The owner takes the events after each
/// function that it calls, and handles them in order.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include <patio/base/time.hpp>
#include <patio/functions/registry.hpp>
#include <patio/value/call_request.hpp>

namespace patio::redis {

using link_number = std::uint64_t;
using task_number = std::uint64_t;

/// Connect to the server. The owner reports opened() or closed() for this number.
struct dial_link {
  link_number link;
};

/// The machine has ended this connection. The owner closes the socket and reports nothing more.
struct end_link {
  link_number link;
};

/// A connection for commands is ready, or has failed.
struct connection_news {
  result<void> outcome;
};

/// A call has ended. Each call ends once.
struct call_finished {
  std::uint64_t token;
  result<value> outcome;
};

/// The function has to run. The owner passes its result to node::answer.
struct execute_task {
  task_number id;
  const registry_entry* entry;
  arguments args;
  instant deadline;
  std::stop_token stop;
  /// Reserves the arguments' share of limits::inbound_bytes. Keep the reservation as long as the
  /// arguments. Any thread may release it.
  std::shared_ptr<const void> reservation;
};

/// The answer to node::list.
struct names_listed {
  std::uint64_t token;
  result<std::vector<std::string>> names;
};

/// The answer to node::ping.
struct pong {
  std::uint64_t token;
  result<void> outcome;
};

/// A line for the log. `reason` may hold text from the server or from a task.
struct log_line {
  std::string event;
  std::string reason;
};

using event = std::variant<dial_link, end_link, connection_news, call_finished, execute_task,
                           names_listed, pong, log_line>;
using events = std::vector<event>;

} // namespace patio::redis
