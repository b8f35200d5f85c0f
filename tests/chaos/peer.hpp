/// The C++ peer of the chaos runs, a process of its own; peer.py is the same in Python. Lines on
/// standard output, steered by lines on standard input.
///   peer server careful|plain
///     "listening on HOST:PORT"; ends with its standard input. `careful`: few calls may run for one
///     connection.
///   peer client HOST PORT CALLS RATE SEED careful|plain
///     begins calls 0 to CALLS-1, RATE a second, however many of them are open; "e ID ENDING
///     WAITED_MS ALLOWED_MS" when one ends, with ALLOWED_MS -1 for a call without a timeout, and
///     "all begun" once they are. `careful`: most calls have timeouts. Told "probe", each broker
///     makes calls until one gives its value, for at most 5 s; it says "probed ANSWERED of
///     BROKERS". Ends with its standard input.
#pragma once

#include <cstdint>
#include <string>

#include <patio/protocol/endpoint.hpp>

namespace patio::chaos {

struct client_flags {
  endpoint where;
  std::int64_t calls = 0;
  double rate = 0;
  std::uint64_t seed = 0;
  bool careful = true;
};

/// Each broker has one connection or two, so that both the loss of the only one and that of one
/// among others happens.
inline constexpr int brokers = 4;
[[nodiscard]] constexpr int links_of(int broker) { return 1 + broker % 2; }

/// A line in one write: the pipe keeps lines of several threads whole.
void say(const std::string& line);

int run_server(bool careful);
int run_client(const client_flags& flags);

} // namespace patio::chaos
