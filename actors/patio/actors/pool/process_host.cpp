#include <patio/actors/pool/process_host.hpp>

#include <poll.h>

#include <algorithm>
#include <exception>
#include <optional>
#include <random>
#include <utility>
#include <vector>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/pool/process_link.hpp>
#include <patio/actors/pool/process_messages.hpp>
#include <patio/base/rate_limit.hpp>
#include <patio/functions/python_error.hpp>
#include <patio/protocol/extensions.hpp>

namespace patio {
namespace {

using protocol::packet;
using action = process_crew::action;

constexpr std::size_t read_bytes = std::size_t{256} << 10;

} // namespace

class process_host::loop {
public:
  loop(std::shared_ptr<pool_core> core, std::shared_ptr<process_inbox> inbox, registry functions,
       const process_pool_options& options)
      : core_{std::move(core)}, inbox_{std::move(inbox)}, functions_{std::move(functions)},
        options_{options}, messages_{message_options(options.per_worker.message_bytes,
                                                     options.types)},
        crew_{options, std::random_device{}()}, links_(std::max<std::size_t>(options.workers, 1)),
        buffer_(read_bytes, '\0') {}

  void run() {
    block_signals();
    while (!is_ended_) {
      try {
        turn();
      } catch (const std::exception& e) { // out of memory: the call at hand is lost
        log(log_level::warning, "event=failed reason=\"" + printable(e.what()) + "\"");
      }
    }
    for (auto& link : links_)
      if (link && link->running)
        end_call(*link, fail(errc::shut_down, "the executor has shut down"));
  }

private:
  using link_ptr = std::optional<process_link>;

  void turn() {
    inbox_->take([this](process_event&& e) { handle(e); });
    crew_.tick(clock_now());
    carry_out_actions();
    wait();
    for (std::size_t i = 0; i < links_.size(); ++i) check(i);
  }

  void handle(const process_event& e) {
    switch (e.what_happened) {
    case process_event::kind::run: return crew_.announce(e.what, clock_now());
    case process_event::kind::stop: return crew_.stop(e.process, e.what, clock_now());
    case process_event::kind::clean_up: return core_->drop_stopped();
    case process_event::kind::end: is_ended_ = true;
    }
  }

  // Each process has two descriptors: its socket and its end.
  void wait() {
    polled_.assign(1, {inbox_->descriptor(), POLLIN, 0});
    for (auto& link : links_) {
      auto events = static_cast<short>(link && link->has_output() ? POLLIN | POLLOUT : POLLIN);
      polled_.push_back({link && !link->has_ended ? link->child().socket() : -1, events, 0});
      polled_.push_back({link ? link->child().pidfd() : -1, POLLIN, 0});
    }
    auto may_block = inbox_->fall_asleep() && !is_ended_;
    (void)::poll(polled_.data(), polled_.size(), may_block ? wait_ms() : 0);
    inbox_->wake_up(polled_[0].revents != 0);
  }

  [[nodiscard]] int wait_ms() const {
    auto next = crew_.next_deadline();
    if (next == never) return -1;
    auto wait = std::chrono::ceil<std::chrono::milliseconds>(
      std::max(next - clock_now(), std::chrono::nanoseconds::zero()));
    return static_cast<int>(std::min<std::int64_t>(wait.count(), 60'000));
  }

  // Carries out the actions before the process is reaped, so that no call begins on a process that
  // the crew knows to have ended.
  void check(std::size_t i) {
    auto on_socket = polled_[1 + 2 * i].revents, on_end = polled_[2 + 2 * i].revents;
    if (!links_[i] || (on_socket == 0 && on_end == 0)) return;
    if ((on_socket & POLLOUT) != 0) links_[i]->flush();
    read(i, on_end != 0);
    carry_out_actions();
    if (on_end != 0) reap(i);
  }

  /// Reads from a process, once or up to its last byte.
  void read(std::size_t i, bool to_the_end) {
    auto& link = *links_[i];
    auto refusal = [&](const protocol::frame_header& header) { return refuse(i, header); };
    auto take = [&](const protocol::frame_reader::frame& frame) {
      handle(i, frame);
      return !link.is_ignored;
    };
    do {
      auto had_ended = link.has_ended;
      auto got = link.read(buffer_, refusal, take);
      if (got == process_link::input::end && !had_ended) crew_.closed(i, clock_now());
      if (got != process_link::input::frames) return;
    } while (to_the_end && !link.is_ignored);
  }

  /// Refuses a frame that a worker must not send, by its header.
  bool refuse(std::size_t i, const protocol::frame_header& header) {
    auto& link = *links_[i];
    auto max = link.is_ready ? options_.per_worker.message_bytes : handshake_bytes;
    bool is_expected = link.is_ready
                         ? link.running && header.serial == link.serial()
                             && (header.type == packet::response || header.type == packet::error)
                         : header.type == packet::discover_response;
    if (is_expected && header.size <= max) return false;
    auto what = "it sent " + describe(header);
    if (is_expected)
      what += " of " + std::to_string(header.size) + " bytes, more than " + std::to_string(max);
    break_off(i, is_expected ? what : what + ", which is not an answer to its call");
    return true;
  }

  void break_off(std::size_t i, const std::string& why, bool is_final = false) {
    links_[i]->is_ignored = true;
    crew_.broke(i, why, clock_now(), is_final);
  }

  void handle(std::size_t i, const protocol::frame_reader::frame& frame) {
    auto& link = *links_[i];
    if (!link.is_ready) return greet(i, frame.payload);
    bool is_error = frame.header.type == packet::error;
    auto read =
      read_pickle(frame.payload, messages_->limits.pickle,
                  is_error ? unknown_class::as_exception : unknown_class::refuse, options_.types);
    // An answer over a limit is the fault of the function. Other answers that cannot be decoded are
    // the bytes of a damaged process.
    if (!read && read.error().exceeded != limit::none)
      return complete(i, fail(errc::undecodable, "the worker's answer: " + read.error().message));
    if (!read || (is_error && read->kind() != kind::exception))
      return break_off(i, "it sent an answer that cannot be decoded: "
                            + (read ? std::string{"no exception"} : read.error().message));
    if (is_error) complete(i, tl::unexpected(protocol::from_noted_exception(std::move(*read))));
    else complete(i, std::move(*read));
  }

  void greet(std::size_t i, std::string_view payload) {
    auto hello = read_hello(payload);
    if (!hello) return break_off(i, hello.error().message);
    auto refusal = reason_to_refuse(*hello, functions_);
    if (refusal) return break_off(i, *refusal, hello->failure.empty());
    links_[i]->is_ready = true;
    crew_.ready(i, clock_now());
  }

  /// Answers the call of a process, and lets the process go on with the next call of its slot.
  void complete(std::size_t i, result<value> answer) {
    auto& link = *links_[i];
    auto ended = std::move(*link.running);
    link.running.reset();
    link.forget_request();
    bool goes_on = crew_.answered(i, clock_now());
    ended.on_stop.reset(); // the answer stops the token
    ended.task->answer.answer(std::move(answer));
    auto next = core_->done(ended.what.slot, ended.what.run, goes_on);
    if (goes_on) begin(i, {ended.what.slot, next.run}, std::move(next.task));
  }

  void begin(std::size_t i, slot_run what, task_ptr t) {
    while (t) {
      auto refusal = send(i, what, t);
      if (!refusal) return;
      t->answer.answer(tl::unexpected(std::move(*refusal)));
      auto next = core_->done(what.slot, what.run, true);
      t = std::move(next.task);
      what.run = next.run;
    }
    crew_.skipped(i, clock_now());
  }

  /// Sends the call to the process. Returns the error if the call does not begin.
  std::optional<error> send(std::size_t i, slot_run what, const task_ptr& t) try {
    auto stop = t->answer.stop_token();
    if (t->deadline <= clock_now())
      return error{errc::timeout, "the call waited too long for a worker", {}};
    if (stop.stop_requested()) return error{errc::cancelled, {}, {}};
    auto& link = *links_[i];
    link.forget_request();
    auto sent = link.out().put_request(static_cast<std::uint32_t>(what.run),
                                       {t->entry->name, std::move(t->args), {}});
    if (!sent) return unsendable(std::move(sent.error()));
    process_link::call begun{what, t};
    if (stop.stop_possible())
      begun.on_stop = std::make_unique<std::stop_callback<stop_running>>(
        std::move(stop), stop_running{inbox_, what, i});
    link.running = std::move(begun);
    crew_.began(i, what, t->deadline);
    link.flush();
    return {};
  } catch (...) {
    links_[i]->forget_request();
    return current_exception_error();
  }

  [[nodiscard]] error unsendable(error why) const {
    if (std::exchange(why.exceeded, limit::none) == limit::frame_bytes)
      why.message = "the arguments have more than "
                    + std::to_string(options_.per_worker.message_bytes)
                    + " bytes, the message_bytes of the process pool";
    return in_context("the arguments cannot be sent to a worker", std::move(why));
  }

  void reap(std::size_t i) {
    auto& link = *links_[i];
    auto how = link.child().reap();
    if (!how) return;
    if (link.is_within_frame() && !link.is_ignored) *how += " after half a frame";
    if (link.was_unread()) return_call(link);
    crew_.exited(i, *how, clock_now());
    // The actions for the old process come first, among them the answer to its call.
    carry_out_actions();
    if (links_[i] && !links_[i]->child()) links_[i].reset();
  }

  // The process has not read the request, so the call may run on another process.
  void return_call(process_link& link) {
    if (!link.running) return;
    auto request = link.request(messages_->limits.pickle, options_.types);
    if (!request) return;
    auto returned = std::move(*link.running);
    link.running.reset();
    returned.on_stop.reset();
    returned.task->args = std::move(request->args);
    returned.task.reset(); // the core has the task, too
    core_->lost(returned.what.slot);
  }

  void carry_out_actions() {
    for (auto actions = crew_.take_actions(); !actions.empty(); actions = crew_.take_actions())
      for (auto& a : actions) carry_out(a);
  }

  void carry_out(action& a) {
    auto& link = links_[a.process];
    switch (a.kind) {
    case action::kind::start: return start(a.process);
    case action::kind::kill: return kill(link);
    case action::kind::end_input: return link->child().end_input();
    case action::kind::stop_call: return link->child().stop_call(link->serial());
    case action::kind::begin:
      return begin(a.process, a.what, core_->begin(a.what.slot, a.what.run));
    case action::kind::refuse: return refuse(a.what, std::move(a.why));
    case action::kind::end_call: return end_call(*link, tl::unexpected(std::move(a.why)));
    case action::kind::log: return log_event(a.process, a.why);
    }
  }

  // Calls that crash their workers must not flood the log.
  void log_event(std::size_t i, const error& why) {
    if (!lines_.allow({}, clock_now())) return;
    auto line =
      "event=worker process=" + std::to_string(i) + " reason=\"" + printable(text_of(why)) + "\"";
    if (auto left_out = lines_.take_refused(); left_out > 0)
      line += " lines_left_out=" + std::to_string(left_out);
    log(log_level::warning, line);
  }

  void start(std::size_t i) {
    links_[i].reset();
    auto child = process_child::start(options_.executable);
    if (!child) return crew_.not_started(i, child.error().message, clock_now());
    auto& link = links_[i].emplace(std::move(*child), messages_);
    worker_settings settings{.digest = digest_of(functions_), .limits = options_.per_worker};
    link.out().put(packet::discover_request, 0, write_settings(settings));
    link.flush();
  }

  static void kill(link_ptr& link) {
    link->is_ignored = true;
    link->child().kill();
  }

  void refuse(slot_run what, error why) {
    if (auto t = core_->begin(what.slot, what.run)) {
      t->answer.answer(tl::unexpected(std::move(why)));
      (void)core_->done(what.slot, what.run, false);
    }
  }

  void end_call(process_link& link, result<value> answer) {
    if (!link.running) return;
    auto ended = std::move(*link.running);
    link.running.reset();
    ended.on_stop.reset();
    ended.task->answer.answer(std::move(answer));
    (void)core_->done(ended.what.slot, ended.what.run, false);
  }

  std::shared_ptr<pool_core> core_;
  std::shared_ptr<process_inbox> inbox_;
  registry functions_;
  const process_pool_options options_;
  std::shared_ptr<const protocol::session_options> messages_;
  process_crew crew_;
  std::vector<link_ptr> links_; ///< by the number of the process
  std::vector<pollfd> polled_;
  std::string buffer_;
  rate_limit lines_{limits{}.log_lines};
  bool is_ended_ = false;
};

process_host::process_host(std::shared_ptr<pool_core> core, std::shared_ptr<process_inbox> inbox,
                           registry functions, const process_pool_options& options)
    : inbox_{std::move(inbox)}, thread_{[host = std::make_shared<loop>(std::move(core), inbox_,
                                                                       std::move(functions),
                                                                       options)] { host->run(); }} {
}

process_host::~process_host() {
  inbox_->put({process_event::kind::end});
  thread_.join();
}

} // namespace patio
