#include <patio/actors/pool/worker_pool.hpp>

#include <deque>
#include <optional>
#include <stdexcept>
#include <vector>

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <patio/actors/caf/callback_actor.hpp>
#include <patio/actors/caf/error.hpp>
#include <patio/actors/caf/ticker.hpp>
#include <patio/actors/caf/weak_send.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/actors/pool/worker_host.hpp>
#include <patio/functions/python_error.hpp>

namespace patio::detail {
namespace {

/// To the pool: an actor has answered. A type of its own, so that no message of a user is taken for
/// it.
struct settled {
  std::size_t actor = 0;
  std::uint64_t run = 0;
  caf::message answer;
};

} // namespace
} // namespace patio::detail

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(patio::detail::settled)

namespace patio::detail {
namespace {

/// The pool that hands over a message on this thread. An answer that comes on the same thread in
/// the meantime is CAF's refusal: the actor has ended, and the message has not begun.
struct hand_over {
  const void* pool = nullptr;
  std::uint64_t run = 0;
  bool is_refused = false;
};
thread_local hand_over* current_hand_over = nullptr;

struct pool_state {
  struct supervised_actor {
    caf::actor handle;               ///< null after the actor's end
    std::uint64_t run = 0;           ///< the number of the message in progress, or 0
    caf::response_promise promise{}; ///< for that message
    bool is_checked = false;         ///< that message is from `check`
  };
  struct message_in_queue {
    caf::message content;
    caf::response_promise promise;
  };

  caf::event_based_actor* self = nullptr;
  std::function<caf::actor()> factory;
  worker_pool_options options;
  std::optional<supervision> restarts;
  std::vector<supervised_actor> actors;
  std::vector<std::size_t> idle;
  std::deque<message_in_queue> waiting;
  std::uint64_t last_run = 0;
  caf::error given_up; ///< the answer to all messages, once the pool has given up
  ticker ticks;

  // Answers every message, whatever the reason for the pool's end.
  ~pool_state() {
    auto why = to_caf({errc::shut_down, "the worker pool has ended", {}});
    for (auto& a : actors) {
      if (a.run != 0) answer(a.promise, why);
      end(a);
    }
    for (auto& m : waiting) answer(m.promise, why);
  }

  static void answer(caf::response_promise& promise, const caf::error& why) {
    if (promise.pending()) promise.deliver(why);
  }
  static void end(const supervised_actor& a) {
    if (a.handle) caf::anon_send_exit(a.handle, caf::exit_reason::user_shutdown);
  }

  /// Takes a message from a user.
  caf::response_promise take(caf::message content) {
    auto promise = self->make_response_promise();
    if (given_up) {
      answer(promise, given_up);
    } else if (waiting.size() >= options.max_waiting) {
      answer(promise, to_caf({errc::overloaded,
                              std::to_string(waiting.size()) + " messages wait for an idle actor",
                              {}}));
    } else {
      waiting.push_back({std::move(content), promise});
      hand_out();
    }
    return promise;
  }

  void hand_out() {
    while (!idle.empty() && !waiting.empty()) {
      auto number = idle.back();
      idle.pop_back();
      auto& a = actors[number];
      auto& m = waiting.front();
      // An actor that refuses the message stays out of `idle`. Its down_msg is on the way.
      if (!send(number, ++last_run, m.content)) continue;
      a.run = last_run;
      a.promise = std::move(m.promise);
      waiting.pop_front();
    }
  }

  /// Returns false if the actor has ended.
  bool send(std::size_t number, std::uint64_t run, const caf::message& content) {
    hand_over current{this, run};
    auto settle = [pool = this, weak = self->address(), number, run](caf::message& answer) {
      auto* here = current_hand_over;
      if (here && here->pool == pool && here->run == run) here->is_refused = true;
      else send_if_alive(weak, settled{number, run, std::move(answer)});
    };
    current_hand_over = &current;
    request_async(actors[number].handle, content, std::move(settle),
                  no_answer("the actor ended, or dropped the message, without an answer"));
    current_hand_over = nullptr;
    return !current.is_refused;
  }

  static error no_answer(std::string why) {
    return remote_error(value::exception("builtins.RuntimeError", {std::move(why)}));
  }

  /// CAF answers with these errors when an actor ends: the message was still in the mailbox, or the
  /// actor has ended with a reason or by an exception.
  static bool tells_of_end(const caf::error& why) {
    return why == caf::sec::request_receiver_down || why == caf::sec::runtime_error
           || why.category() == caf::atom("exit");
  }

  void on_settled(const settled& s) {
    auto& a = actors[s.actor];
    if (a.run != s.run) return; // its down_msg came first
    a.run = 0;
    bool is_error = s.answer.match_elements<caf::error>();
    bool is_checked = std::exchange(a.is_checked, false);
    if (is_checked && is_error) return; // its down_msg is on the way
    if (!is_checked) deliver(s, std::exchange(a.promise, {}));
    if (given_up) return end(a);
    if (is_error) return check(s.actor);
    idle.push_back(s.actor);
    hand_out();
  }

  void deliver(const settled& s, caf::response_promise promise) {
    if (s.answer.match_elements<caf::error>()) {
      const auto& why = s.answer.get_as<caf::error>(0);
      answer(promise,
             tells_of_end(why) ? to_caf(worker_host::actor_gone(caf::to_string(why))) : why);
    } else {
      restarts->answered(s.actor);
      if (promise.pending()) promise.deliver(s.answer);
    }
  }

  /// Finds out whether an actor lives on after an error, before it gets another message: an actor
  /// that is ending would waste the message. CAF itself answers this request for a living actor.
  void check(std::size_t number) {
    auto& a = actors[number];
    auto question =
      caf::make_message(caf::sys_atom::value, caf::get_atom::value, std::string{"info"});
    if (!send(number, ++last_run, question)) return;
    a.run = last_run;
    a.is_checked = true;
  }

  void start(std::size_t number) {
    std::string why = "the factory returned a null handle";
    try {
      actors[number].handle = factory();
    } catch (...) {
      why = "the factory threw: " + to_string(current_exception_error());
    }
    if (!actors[number].handle) return restart(number, why);
    self->monitor(actors[number].handle);
    idle.push_back(number);
  }

  void on_down(const caf::down_msg& down) {
    for (std::size_t number = 0; number < actors.size(); ++number) {
      auto& a = actors[number];
      if (a.handle.address() != down.source) continue;
      a.handle = nullptr;
      a.is_checked = false;
      std::erase(idle, number);
      auto reason = caf::to_string(down.reason);
      if (std::exchange(a.run, 0) != 0) {
        auto promise = std::move(a.promise);
        answer(promise, to_caf(worker_host::actor_gone(reason)));
      }
      return restart(number, reason);
    }
  }

  void restart(std::size_t number, const std::string& reason) {
    if (given_up) return;
    log(log_level::warning, "event=actor_ended reason=\"" + printable(reason) + "\"");
    restarts->ended(number, clock_now());
    if (restarts->has_given_up()) give_up(reason);
    else ticks.arm(self, restarts->next());
  }

  void give_up(const std::string& last_reason) {
    auto why = "the worker pool has given up: " + restarts->reason()
               + "; the last one ended with: " + last_reason;
    log(log_level::error, "event=gave_up reason=\"" + printable(why) + "\"");
    given_up = to_caf({errc::shut_down, std::move(why), {}});
    for (auto number : idle) end(actors[number]);
    idle.clear();
    for (auto& m : std::exchange(waiting, {})) answer(m.promise, given_up);
  }

  void tick(std::int64_t number) {
    if (!ticks.fired(number)) return;
    while (auto due = restarts->take_due(clock_now())) start(*due);
    ticks.arm(self, restarts->next());
    hand_out();
  }
};

using pool_actor = caf::stateful_actor<pool_state>;

caf::behavior make_behavior(pool_actor* self, const std::function<caf::actor()>& factory,
                            const supervision& restarts, const worker_pool_options& options,
                            std::size_t actors) {
  auto& s = self->state;
  s.self = self;
  s.factory = factory;
  s.options = options;
  s.restarts = restarts;
  s.actors.resize(actors);
  for (std::size_t number = 0; number < actors; ++number) s.start(number);
  self->set_down_handler([&s](caf::down_msg& down) { s.on_down(down); });
  self->set_error_handler([](caf::error&) {});
  self->set_default_handler(
    [&s](caf::scheduled_actor*, caf::message_view& view) -> caf::result<caf::message> {
      return s.take(view.move_content_to_message());
    });
  return {
    [&s](settled& answered) { s.on_settled(answered); },
    // A user's message may look like a tick. Only a tick comes from the pool itself.
    [self, &s](tick_atom, std::int64_t number) -> caf::result<caf::message> {
      if (self->current_sender() != self->ctrl())
        return s.take(caf::make_message(tick_atom::value, number));
      s.tick(number);
      return caf::message{};
    },
  };
}

} // namespace

caf::actor spawn_untyped_worker_pool(caf::actor_system& sys, std::size_t actors,
                                     std::function<caf::actor()> factory,
                                     const worker_pool_options& options) {
  supervision restarts{actors, options.restarts, static_cast<std::uint64_t>(clock_now().count())};
  return sys.spawn(make_behavior, std::move(factory), restarts, options, actors);
}

} // namespace patio::detail
