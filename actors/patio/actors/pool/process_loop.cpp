#include <patio/actors/pool/process_loop.hpp>

#include <algorithm>
#include <exception>
#include <random>
#include <utility>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/os/huge_pages.hpp>
#include <patio/actors/os/log.hpp>
#include <patio/actors/os/signals.hpp>
#include <patio/actors/os/wake_batch.hpp>
#include <patio/actors/pool/process_messages.hpp>
#include <patio/actors/pool/worker_inputs.hpp>
#include <patio/protocol/extensions.hpp>

namespace patio {
namespace {

using protocol::packet;

constexpr std::size_t read_bytes = std::size_t{256} << 10;

} // namespace

process_loop::process_loop(std::shared_ptr<pool_core> core, std::shared_ptr<process_inbox> inbox,
                           registry functions, const process_pool_options& options)
    : core_{std::move(core)}, inbox_{std::move(inbox)}, functions_{std::move(functions)},
      options_{options}, messages_{message_options(options.per_worker.message_bytes,
                                                   options.types)},
      crew_{options, std::random_device{}()}, links_(std::max<std::size_t>(options.workers, 1)),
      buffer_(read_bytes, '\0') {
  use_huge_pages();
}

void process_loop::run() {
  block_signals();
  while (!is_ended_) {
    try {
      turn();
    } catch (const std::exception& e) { // out of memory: the call at hand is lost
      log(log_level::warning, "event=failed reason=\"" + printable(e.what()) + "\"");
    }
  }
  for (auto& link : links_)
    for (; link && !link->calls.empty(); link->calls.pop_front())
      end_call(std::move(link->calls.front()), fail(errc::shut_down, "the executor has shut down"));
}

void process_loop::turn() {
  wait();
  wake_batch batch; // the brokers shall find all answers of this turn
  now_ = clock_now();
  for (std::size_t i = 0; i < links_.size(); ++i) check(i);
  inbox_->take([this](process_event&& e) { handle(e); });
  crew_.tick(now_);
  carry_out_actions();
  // If calls are quick, the core gives out more calls than there are processes.
  if (depth_ != crew_.depth()) {
    depth_ = crew_.depth();
    core_->set_workers(links_.size() * depth_);
  }
  for (auto& link : links_) {
    if (!link) continue;
    if (link->has_output()) link->flush();
    link->release_memory(now_);
  }
}

void process_loop::handle(const process_event& e) {
  switch (e.what_happened) {
  case process_event::kind::run: return crew_.announce(e.what, now_);
  case process_event::kind::stop: return stop(e.process, e.what);
  case process_event::kind::replace: return crew_.replace_all(now_);
  case process_event::kind::clean_up: return core_->drop_stopped();
  case process_event::kind::end: is_ended_ = true;
  }
}

// Each process has two descriptors: its socket and its end.
void process_loop::wait() {
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

int process_loop::wait_ms() const {
  auto next = crew_.next_deadline();
  for (const auto& link : links_)
    if (link) next = std::min(next, link->release_at());
  if (next == never) return -1;
  auto wait = std::chrono::ceil<std::chrono::milliseconds>(
    std::max(next - clock_now(), std::chrono::nanoseconds::zero()));
  return static_cast<int>(std::min<std::int64_t>(wait.count(), 60'000));
}

// Carries out the actions before the process is reaped, so that no call begins on a process that
// the crew knows to have ended.
void process_loop::check(std::size_t i) {
  auto on_socket = polled_[1 + 2 * i].revents, on_end = polled_[2 + 2 * i].revents;
  if (!links_[i] || (on_socket == 0 && on_end == 0)) return;
  read(i, on_end != 0);
  carry_out_actions();
  if (on_end != 0) reap(i);
}

// Reads from a process, once or all that it has completed.
void process_loop::read(std::size_t i, bool to_the_end) {
  auto& link = *links_[i];
  auto refusal = [&](const protocol::frame_header& header) { return refuse(i, header); };
  auto take = [&](const protocol::frame_reader::frame& frame) {
    handle(i, frame);
    return !link.is_ignored;
  };
  for (auto got = process_link::input::frames; got == process_link::input::frames;) {
    auto had_ended = link.has_ended;
    got = link.read(buffer_, refusal, take);
    if (got == process_link::input::end && !had_ended) crew_.closed(i, now_);
    if (!to_the_end || link.is_ignored) return;
  }
  link.read_unsent(refusal, take);
}

// Refuses a frame that a worker must not send, by its header.
bool process_loop::refuse(std::size_t i, const protocol::frame_header& header) {
  auto& link = *links_[i];
  auto max = !link.is_ready                      ? handshake_bytes
             : header.type == response_in_memory ? place_bytes
                                                 : options_.per_worker.message_bytes;
  bool is_answer = header.type == packet::response || header.type == packet::error
                   || header.type == response_in_memory;
  bool is_expected = link.is_ready
                       ? is_answer && !link.calls.empty() && header.serial == link.serial()
                       : header.type == packet::discover_response;
  if (is_expected && header.size <= max) return false;
  auto what = "it sent " + describe_message(header);
  if (is_expected)
    what += " of " + std::to_string(header.size) + " bytes, more than " + std::to_string(max);
  break_off(i, is_expected ? what : what + ", which is not an answer to its call");
  return true;
}

void process_loop::break_off(std::size_t i, const std::string& why, bool is_final) {
  links_[i]->is_ignored = true;
  crew_.broke(i, why, now_, is_final);
}

void process_loop::handle(std::size_t i, const protocol::frame_reader::frame& frame) {
  auto& link = *links_[i];
  if (!link.is_ready) return greet(i, frame.payload);
  if (frame.header.type != response_in_memory)
    return handle_answer(i, frame.payload, frame.header.type == packet::error);
  auto copy = link.copy_answer(frame.payload);
  if (!copy)
    return break_off(i, "it sent " + describe_message(frame.header)
                          + " with a place that is not within that memory");
  if (!copy->bytes) return complete(i, fail(errc::undecodable, "no memory for the answer"));
  handle_answer(i, copy->view(), false);
}

void process_loop::handle_answer(std::size_t i, std::string_view payload, bool is_error) {
  auto read =
    read_pickle(payload, messages_->limits.pickle,
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

void process_loop::greet(std::size_t i, std::string_view payload) {
  auto hello = read_hello(payload);
  if (!hello) return break_off(i, hello.error().message);
  auto refusal = reason_to_refuse(*hello, functions_);
  if (refusal) return break_off(i, *refusal, hello->failure.empty());
  links_[i]->is_ready = true;
  crew_.ready(i, now_);
}

void process_loop::reap(std::size_t i) {
  auto& link = *links_[i];
  auto how = link.child().reap();
  if (!how) return;
  if (link.is_within_frame() && !link.is_ignored) *how += " after half a frame";
  take_back(link, 0);
  crew_.exited(i, *how, now_, link.calls.empty());
  // The actions for the old process come first, among them the answers to its calls.
  carry_out_actions();
  if (links_[i] && !links_[i]->child()) links_[i].reset();
}

void process_loop::carry_out_actions() {
  for (auto actions = crew_.take_actions(); !actions.empty(); actions = crew_.take_actions())
    for (auto& a : actions) carry_out(a);
}

void process_loop::carry_out(action& a) {
  auto& link = links_[a.process];
  switch (a.kind) {
  case action::kind::start: return start(a.process);
  case action::kind::kill: return kill(a.process);
  case action::kind::end_input: return link->child().end_input();
  case action::kind::stop_call: return link->child().stop_call(link->serial());
  case action::kind::begin: return begin(a.process, a.what, core_->begin(a.what.slot, a.what.run));
  case action::kind::refuse: return refuse(a.what, std::move(a.why));
  case action::kind::end_calls: return end_calls(*link, a.why);
  case action::kind::take_back: return take_back(a.process);
  case action::kind::log: return log_event(a.process, a.why);
  }
}

// The answers that the process has completed still count.
void process_loop::kill(std::size_t i) {
  links_[i]->child().kill();
  if (!links_[i]->is_ignored) read(i, true);
  links_[i]->is_ignored = true;
}

// Calls that crash their workers must not flood the log.
void process_loop::log_event(std::size_t i, const error& why) {
  if (!lines_.allow({}, now_)) return;
  auto line =
    "event=worker process=" + std::to_string(i) + " reason=\"" + printable(text_of(why)) + "\"";
  if (auto left_out = lines_.take_refused(); left_out > 0)
    line += " lines_left_out=" + std::to_string(left_out);
  log(log_level::warning, line);
}

void process_loop::start(std::size_t i) {
  links_[i].reset();
  auto memory = process_memory::create(area_bytes(options_.per_worker.message_bytes));
  if (!memory) return crew_.not_started(i, memory.error().message, now_);
  auto inputs = options_.inputs ? *options_.inputs->current() : worker_inputs{};
  auto child = process_child::start(options_.executable, memory->descriptor(), inputs);
  if (!child) return crew_.not_started(i, child.error().message, now_);
  memory->close_descriptor();
  auto& link = links_[i].emplace(std::move(*child), std::move(*memory), messages_);
  worker_settings settings{.digest = digest_of(functions_), .limits = options_.per_worker};
  link.out().put(packet::discover_request, 0, write_settings(settings));
}

} // namespace patio
