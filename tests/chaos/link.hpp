/// One connection through the proxy: two sockets and the bytes between them. Internal to proxy.cpp.
/// Used by the proxy's thread alone.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include <poll.h>

#include "proxy.hpp"

namespace patio::chaos {

using clock = std::chrono::steady_clock;

class proxy::link {
public:
  using fault_observer = std::function<void(fault kind, std::uint64_t at)>;

  link(unique_fd client, unique_fd server, const fault_options& options, std::uint64_t number,
       fault_observer on_fault);

  /// Adds the sockets that this connection waits for. Lowers `wake_at` to the connection's next
  /// deadline.
  void prepare(std::vector<pollfd>& fds, clock::time_point& wake_at) const;
  /// Forwards bytes and injects the faults that are due. Returns false once the connection has
  /// ended.
  [[nodiscard]] bool step(clock::time_point now, bool without_faults);

private:
  struct flow { ///< one direction
    fault_plan plan;
    std::size_t from; ///< index of the socket that is read; the other one is written
    std::string buffer = {};
    std::uint64_t forwarded = 0, dribble_until = 0;
    std::size_t largest_piece = 1;
    clock::time_point resumes = {}; ///< end of the stall
    bool ended = false;             ///< the sender has sent a FIN
    bool shut = false;              ///< the receiver has got a FIN
    bool dropping = false;          ///< the sender's bytes are dropped
  };

  [[nodiscard]] bool wants_to_read(const flow& f) const noexcept {
    return !f.ended && f.buffer.empty() && (f.dropping || !f.shut);
  }
  void pump(flow& f, clock::time_point now, bool without_faults);
  void read(flow& f);
  void write(flow& f, bool without_faults);
  void shut(flow& f);
  void inject(flow& f, clock::time_point now);
  void cut(clock::time_point now);
  void end_at(clock::time_point when, bool by_reset);
  void reset();

  std::array<unique_fd, 2> ends_; ///< client, server
  std::array<flow, 2> flows_;     ///< to the server, to the client
  fault_observer on_fault_;
  clock::time_point ends_at_ = clock::time_point::max();
  bool ends_by_reset_ = false, over_ = false;
};

} // namespace patio::chaos
