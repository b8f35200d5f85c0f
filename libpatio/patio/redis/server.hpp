/// The serving side of a node over Redis: pops tasks while workers are free, claims them, and
/// stores replies. Bytes and time come in; bytes and events come out. One owner, one thread.
///
/// A task that cannot run is answered or dropped, and never ends the server. A task that this node
/// has claimed runs once or is answered with an error, however often connections are lost.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include <patio/redis/popping_link.hpp>
#include <patio/redis/task.hpp>

namespace patio::redis {

/// Functions that share workers, because one executor runs them.
struct serving_group {
  std::vector<std::string> names;
  std::size_t workers = 1; ///< tasks that this node takes at the same time
};

class server {
public:
  /// Without a group with names, the server opens no connection. `first` is the number of the first
  /// link; the numbers of the others follow.
  server(std::shared_ptr<const settings> options, events& out, registry functions,
         std::vector<serving_group> groups, link_number first);

  /// Ends a task that an execute_task event has announced. Does nothing if it has ended.
  void answer(task_number number, encoded_reply reply, instant now);

  // The owner's reports about one of this object's links.
  void receive(link_number number, std::string_view bytes, instant now);
  void closed(link_number number, const error& why, instant now);

  /// Sends the claims and replies that wait here, as long as the connection has room. Then pops
  /// further tasks.
  void send_waiting(instant now);

  void tick(instant now);
  [[nodiscard]] instant next_deadline() const noexcept;
  /// Returns null for a number that is not a link of this object.
  [[nodiscard]] link* find(link_number number) noexcept;
  [[nodiscard]] std::size_t links() const noexcept {
    return groups_.empty() ? 0 : 1 + groups_.size();
  }

  /// Takes no further tasks. Tasks that have been popped run and are answered.
  void go_away(instant now);
  /// True once no task can arrive any more, and the server has confirmed every reply.
  [[nodiscard]] bool is_drained() const noexcept;
  [[nodiscard]] std::size_t running() const noexcept { return tasks_.size(); }
  /// Tasks that were dropped because nobody could be told why they did not run.
  [[nodiscard]] std::size_t dropped() const noexcept { return dropped_; }

private:
  enum class task_stage : std::uint8_t { claiming, running, answering };
  struct running_task {
    redis::task task = {};
    std::optional<error> refused = {}; ///< the task cannot run
    std::string list = {};             ///< the name that it was popped from
    std::size_t bytes = 0;             ///< of its pickle
    std::size_t group = 0;
    task_stage stage = task_stage::claiming;
    bool is_sent = false;     ///< its commands wait for their replies
    instant begun = never;    ///< the function has run since then
    instant deadline = never; ///< of the caller
    /// While the function runs, the earlier of the caller's deadline and the function's timeout.
    /// While the node answers, the deadline of the reply.
    instant own_deadline = never;
    encoded_reply reply = {};
    std::stop_source stop = {};
  };

  void pop(instant now);
  void take(std::size_t group, popped_task popped, instant now);
  void send(task_number number, running_task& t, instant now);
  void write(task_number number, running_task& t, instant now);
  void handle(const task_claimed& reply, instant now);
  void handle(const reply_stored& reply, instant now);
  void handle(const tasks_cancelled& reply, instant now);
  void handle(const key_type& answer, instant now);
  void run(task_number number, running_task& t, instant now);
  void finish(task_number number, running_task& t, encoded_reply reply, instant now);
  void erase(task_number number);
  void expire(task_number number, instant now);
  void command_ready(instant now);
  void end_link(link& l, const error& why, instant now);
  void announce(instant now);
  void ask_for_cancellations(instant now);
  void dial(instant now);

  std::shared_ptr<const settings> options_;
  events& out_;
  registry functions_;
  server_commands commands_;
  std::deque<popping_link> groups_;
  std::deque<task_number> unsent_; ///< their commands wait for room in the output
  std::unordered_map<task_number, running_task> tasks_;
  deadline_heap<task_number> deadlines_;
  instant announce_at_{};
  instant ask_at_ = never; ///< whether callers have cancelled their calls
  task_number last_ = 0;
  std::size_t dropped_ = 0;
  bool is_leaving_ = false;
  /// Memory of the arguments of the tasks that run. Workers release it.
  std::shared_ptr<std::atomic<std::size_t>> held_ = std::make_shared<std::atomic<std::size_t>>(0);
};

} // namespace patio::redis
