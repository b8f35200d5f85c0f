/// The C++ peer of the chaos runs, which is its own process; peer.py is the same in Python. Lines
/// on standard input control it, and it reports by lines on standard output. It ends when its
/// standard input ends.
///   peer server careful|plain
///     Prints "listening on HOST:PORT". A careful server lets one connection run few calls.
///   peer client HOST PORT CALLS RATE SEED careful|plain
///     Begins the calls 0 to CALLS-1, RATE of them each second, however many calls are open. Prints
///     "e ID ENDING WAITED_MS ALLOWED_MS" when a call ends; ALLOWED_MS is -1 for a call without a
///     timeout. Prints "all begun" after the last call has begun. In a careful client most calls
///     have timeouts. After the line "probe" each broker makes calls until one gives its value, for
///     at most 5 s; then the client prints "probed ANSWERED of BROKERS".
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

/// Some brokers have one connection and some have two, so that a run covers the loss of the only
/// connection and of one of two.
inline constexpr int brokers = 4;
[[nodiscard]] constexpr int links_of(int broker) { return 1 + broker % 2; }

/// Writes a line with one system call, so that lines of several threads do not mix in the pipe.
void say(const std::string& line);

int run_server(bool careful);
int run_client(const client_flags& flags);

} // namespace patio::chaos
