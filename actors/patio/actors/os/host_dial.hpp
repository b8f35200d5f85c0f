/// One dial of the connector: connects to the addresses of a host until one of them answers. Gives
/// the decisions of happy_eyeballs sockets. Used by the connector's thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <patio/actors/os/socket.hpp>
#include <patio/base/happy_eyeballs.hpp>

struct pollfd;

namespace patio {

struct dial_request {
  endpoint target;
  /// Addresses of the host to skip, e.g. "[::1]:15383". If the host has no others, they are tried.
  std::vector<std::string> avoided = {};
  instant deadline = never; ///< for the resolver and all addresses together
};

struct connected_socket {
  unique_fd fd;
  endpoint address;        ///< the dialled one; the peer may have reset the connection already
  bool has_others = false; ///< the host has further addresses, which have not failed in this dial
};

using on_connected = std::function<void(result<connected_socket>)>;

class host_dial {
public:
  /// Calls `tell` once, unless the dial is destroyed before its end.
  host_dial(dial_request request, on_connected tell)
      : request_{std::move(request)}, tell_{std::move(tell)} {}

  [[nodiscard]] const endpoint& target() const noexcept { return request_.target; }
  /// True until resolved() is called.
  [[nodiscard]] bool is_resolving() const noexcept { return !race_; }
  /// The resolver's answer. Begins to connect.
  void resolved(const result<std::vector<address>>& answer, instant now);

  /// Begins the attempts that are due, or ends the dial if it has failed.
  void advance(instant now);
  /// Returns when advance() is due.
  [[nodiscard]] instant wake_at() const noexcept;
  [[nodiscard]] bool has_ended() const noexcept { return !tell_; }

  /// Adds the sockets to what the thread polls.
  void add_to(std::vector<pollfd>& polled) const;
  /// Looks at the sockets that add_to() has added, and returns the next dial's first one.
  const pollfd* check(const pollfd* polled, instant now);

private:
  struct open_attempt {
    std::size_t index; ///< in the addresses
    unique_fd fd;
  };

  void begin(std::size_t index, instant now);
  void finish(open_attempt& attempt, instant now);
  void end(result<connected_socket> outcome);
  void end_in_failure(const std::string& why);

  dial_request request_;
  on_connected tell_; ///< until the end
  std::vector<address> addresses_;
  std::optional<happy_eyeballs> race_; ///< once the host is resolved
  std::vector<open_attempt> open_;
};

} // namespace patio
