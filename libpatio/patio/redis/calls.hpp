/// The calls of a node over Redis: sends tasks, waits for their replies, and gives calls up with
/// proof. Bytes and time come in; bytes and events come out. One owner, one thread.
///
/// A call is a token, which is a key that expires, and a task in the list of its function. A server
/// claims the task by deleting the token, so whoever deletes the token decides. If the caller
/// deletes the token, nobody has begun the call, and nobody ever will.
#pragma once

#include <deque>

#include <patio/redis/commands.hpp>
#include <patio/redis/task.hpp>
#include <patio/redis/waiting_links.hpp>

namespace patio::redis {

class calls {
public:
  /// `first` is the number of the first link; the numbers of the others follow.
  calls(std::shared_ptr<const settings> options, events& out, link_number first);

  /// Sends a call as soon as the server can be reached. The call ends with a call_finished event.
  call_number add(std::uint64_t token, const call_request& request, instant now);
  /// Ends a call at once. Does nothing if the call has ended.
  void cancel(call_number number, instant now);

  // The owner's reports about one of this object's links.
  void receive(link_number number, std::string_view bytes, instant now);
  void closed(link_number number, const error& why, instant now);
  /// Sends the calls that wait here, as long as the connection has room.
  void send_held(instant now);

  void tick(instant now);
  [[nodiscard]] instant next_deadline() const noexcept;
  /// Returns null for a number that is not a link of this object.
  [[nodiscard]] link* find(link_number number) noexcept;
  [[nodiscard]] std::size_t links() const noexcept { return 1 + waiting_.size(); }
  [[nodiscard]] redis::commands& commands() noexcept { return commands_; }
  [[nodiscard]] const call_table& table() const noexcept { return table_; }
  /// The size of the queue of calls that have not been sent.
  [[nodiscard]] std::size_t held() const noexcept { return held_.size(); }
  /// Ends every call that has not ended. Deletes the tokens of these calls if the server can be
  /// reached.
  void shut_down(const error& why, instant now);

private:
  void send(call_number number, call& c, instant now);
  void dial(instant now);

  void handle(const task_sent& reply, instant now);
  void handle(const token_deleted& reply, instant now);
  void handle(const key_type& answer, instant now);
  void popped(popped_reply reply);
  void receive_popped(waiting_link& w, std::vector<resp>& replies, instant now);
  void command_ready(instant now);
  void command_lost(const error& why, instant now);
  void waiting_link_lost(waiting_link& w, instant now);
  void end_link(link& l, const error& why, instant now);

  void prove(call_number number, call& c, proof_cause cause, instant now);
  void delete_token(call_number number, call& c, instant now);
  void expire(call_number number, call& c, instant now);
  void end_unproven(call_number number, call& c, instant now);
  void erase(call_number number);

  std::shared_ptr<const settings> options_;
  events& out_;
  link_number first_;
  redis::commands commands_;
  call_table table_;
  waiting_links waiting_;
  std::deque<call_number> held_; ///< in the order of the calls; some have ended
};

} // namespace patio::redis
