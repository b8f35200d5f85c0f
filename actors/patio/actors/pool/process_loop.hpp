/// The loop of a process pool's thread. It starts the worker processes, polls their sockets and
/// process descriptors, and moves calls between the pool_core and the workers. A process_crew makes
/// the decisions. Without CAF.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <poll.h>

#include <patio/actors/pool/pool_core.hpp>
#include <patio/actors/pool/process_crew.hpp>
#include <patio/actors/pool/process_inbox.hpp>
#include <patio/actors/pool/process_link.hpp>
#include <patio/actors/pool/process_options.hpp>
#include <patio/base/rate_limit.hpp>
#include <patio/functions/registry.hpp>

namespace patio {

class process_loop {
public:
  /// `inbox` gets the core's signals. The registry must be locked.
  process_loop(std::shared_ptr<pool_core> core, std::shared_ptr<process_inbox> inbox,
               registry functions, const process_pool_options& options);
  /// Runs until the inbox says that the host ends. Then answers the calls that the workers have.
  void run();

private:
  using action = process_crew::action;

  void turn();
  void handle(const process_event& e);
  void wait();
  [[nodiscard]] int wait_ms() const;
  void check(std::size_t i);
  void read(std::size_t i, bool to_the_end);
  [[nodiscard]] bool refuse(std::size_t i, const protocol::frame_header& header);
  void break_off(std::size_t i, const std::string& why, bool is_final = false);
  void handle(std::size_t i, const protocol::frame_reader::frame& frame);
  void handle_answer(std::size_t i, std::string_view payload, bool is_error);
  void greet(std::size_t i, std::string_view payload);
  void reap(std::size_t i);
  void carry_out_actions();
  void carry_out(action& a);
  void log_event(std::size_t i, const error& why);
  void start(std::size_t i);
  void kill(std::size_t i);

  void complete(std::size_t i, result<value> answer);
  void begin(std::size_t i, slot_run what, task_ptr t);
  [[nodiscard]] std::optional<error> send(std::size_t i, slot_run what, const task_ptr& t);
  [[nodiscard]] error unsendable(error why) const;
  void note_head(std::size_t i);
  void stop(std::size_t i, slot_run what);
  void take_back(std::size_t i);
  std::size_t take_back(process_link& link, std::size_t from);
  void end_calls(process_link& link, const error& why);
  void end_call(process_link::call c, result<value> answer);
  void refuse(slot_run what, error why);

  std::shared_ptr<pool_core> core_;
  std::shared_ptr<process_inbox> inbox_;
  registry functions_;
  const process_pool_options options_;
  std::shared_ptr<const protocol::session_options> messages_;
  process_crew crew_;
  std::vector<std::optional<process_link>> links_; ///< by the number of the process
  std::vector<pollfd> polled_;
  std::string buffer_;
  rate_limit lines_{limits{}.log_lines};
  instant now_ = instant::zero(); ///< when the events of this turn have happened
  std::size_t depth_ = 1;         ///< calls for each process that the core gives out
  bool is_ended_ = false;
};

} // namespace patio
