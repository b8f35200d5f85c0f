/// A node over Redis: the calls that it makes and the functions that it serves. Bytes and time come
/// in; bytes and events come out. Its owner has the sockets and the clock, and one thread.
#pragma once

#include <patio/redis/calls.hpp>
#include <patio/redis/server.hpp>

namespace patio::redis {

class node {
public:
  node(settings options, registry functions, std::vector<serving_group> groups);

  // The owner takes the events after each of these functions.
  call_number call(std::uint64_t token, const call_request& request, instant now) {
    return calls_.add(token, request, now);
  }
  void cancel(call_number number, instant now) { calls_.cancel(number, now); }
  void list(std::uint64_t token, instant now) { calls_.commands().list(token, now); }
  void ping(std::uint64_t token, instant now) { calls_.commands().ping(token, now); }
  void answer(task_number number, encoded_reply reply, instant now) {
    server_.answer(number, std::move(reply), now);
  }

  /// The connection of a dial_link event is open, or could not be opened, or has ended.
  void opened(link_number number, instant now);
  void closed(link_number number, const error& why, instant now);
  void receive(link_number number, std::string_view bytes, instant now);
  /// The bytes of this link leave slower than they come.
  void set_congested(link_number number, bool congested, instant now);
  /// Dials and ends what is due. The first call begins to connect.
  void tick(instant now);
  /// Takes no further tasks.
  void go_away(instant now) { server_.go_away(now); }
  /// Ends all calls.
  void shut_down(const error& why, instant now) { calls_.shut_down(why, now); }

  /// Swaps the events with `out`, which must be empty.
  void take_events(events& out) { std::swap(out, events_); }
  /// Appends the numbers of the links to `out`.
  void links(std::vector<link_number>& out) const;
  /// Takes bytes for the server, about high_water_bytes at most. `out` must be empty. Further bytes
  /// may wait, so the owner calls this until `out` stays empty.
  void take_output(link_number number, std::string& out, instant now);
  [[nodiscard]] instant next_deadline() const noexcept;
  /// True while the bytes of this link may hold the password.
  [[nodiscard]] bool is_logging_in(link_number number);

  /// True if a call could be sent now.
  [[nodiscard]] bool is_connected() noexcept { return calls_.commands().connection.is_ready(); }
  [[nodiscard]] bool is_drained() const noexcept {
    return server_.is_drained() && calls_.table().unfinished() == 0;
  }
  [[nodiscard]] const redis::calls& calls() const noexcept { return calls_; }
  [[nodiscard]] const redis::server& server() const noexcept { return server_; }

private:
  [[nodiscard]] link* find(link_number number);

  std::shared_ptr<const settings> options_;
  events events_;
  redis::calls calls_;
  redis::server server_;
};

} // namespace patio::redis
