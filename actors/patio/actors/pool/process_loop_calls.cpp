// The part of process_loop that moves calls between the pool_core and the workers.
#include <algorithm>
#include <utility>
#include <vector>

#include <patio/actors/pool/process_loop.hpp>
#include <patio/functions/python_error.hpp>

namespace patio {

// Answers the first call of a process. The process may already work on its next one.
void process_loop::complete(std::size_t i, result<value> answer) {
  auto& link = *links_[i];
  auto ended = std::move(link.calls.front());
  link.calls.pop_front();
  bool goes_on = crew_.answered(i, now_);
  note_head(i);
  ended.on_stop.reset(); // the answer stops the token
  ended.task->answer.answer(std::move(answer));
  auto next = core_->done(ended.what.slot, ended.what.run, goes_on);
  if (goes_on) begin(i, {ended.what.slot, next.run}, std::move(next.task));
}

void process_loop::begin(std::size_t i, slot_run what, task_ptr t) {
  while (t) {
    auto refusal = send(i, what, t);
    if (!refusal) return;
    t->answer.answer(tl::unexpected(std::move(*refusal)));
    auto next = core_->done(what.slot, what.run, true);
    t = std::move(next.task);
    what.run = next.run;
  }
  crew_.skipped(i, now_);
}

// Sends the call to the process. Returns the error if the call does not begin.
std::optional<error> process_loop::send(std::size_t i, slot_run what, const task_ptr& t) try {
  auto stop = t->answer.stop_token();
  if (t->place) t->place->begin(now_);
  if (t->deadline <= now_) return error{errc::timeout, "the call waited too long for a worker", {}};
  if (stop.stop_requested()) return error{errc::cancelled, {}, {}};
  auto& link = *links_[i];
  std::unique_ptr<std::stop_callback<stop_running>> on_stop;
  if (stop.stop_possible())
    on_stop = std::make_unique<std::stop_callback<stop_running>>(std::move(stop),
                                                                 stop_running{inbox_, what, i});
  auto put = link.put_request(what, t);
  if (!put) return unsendable(std::move(put.error()));
  link.calls.back().on_stop = std::move(on_stop);
  if (link.calls.size() == 1) note_head(i);
  return {};
} catch (...) {
  return current_exception_error();
}

error process_loop::unsendable(error why) const {
  if (std::exchange(why.exceeded, limit::none) == limit::frame_bytes)
    why.message = "the arguments have more than "
                  + std::to_string(options_.per_worker.message_bytes)
                  + " bytes, the message_bytes of the process pool";
  return in_context("the arguments cannot be sent to a worker", std::move(why));
}

// The process works on its first call from now on. That call may have been stopped earlier.
void process_loop::note_head(std::size_t i) {
  auto& calls = links_[i]->calls;
  if (calls.empty()) return;
  const auto& head = calls.front();
  crew_.began(i, head.what, head.task->deadline, now_);
  if (head.task->answer.stop_token().stop_requested()) crew_.stop(i, head.what, now_);
}

// Nobody waits for the result of this run any more.
void process_loop::stop(std::size_t i, slot_run what) {
  if (!links_[i]) return;
  auto& link = *links_[i];
  auto at = std::ranges::find(link.calls, what, &process_link::call::what);
  if (at == link.calls.end()) return;
  bool is_head = at == link.calls.begin();
  if (!link.take_back(*at)) {
    if (is_head) crew_.stop(i, what, now_);
    return;
  }
  auto stopped = std::move(*at);
  link.calls.erase(at);
  end_call(std::move(stopped), fail(errc::cancelled, {}));
  crew_.skipped(i, now_);
  if (is_head) note_head(i);
}

// The first call of the process takes long. The answers that it has gathered must not wait either.
void process_loop::take_back(std::size_t i) {
  auto& link = *links_[i];
  read(i, true);
  for (auto count = take_back(link, 1); count > 0; --count) crew_.skipped(i, now_);
}

// Takes back the calls from a number on that the process has not begun. They run on any process.
// Returns their count.
std::size_t process_loop::take_back(process_link& link, std::size_t from) {
  std::size_t count = 0;
  while (link.calls.size() > from + count && link.take_back(*(link.calls.end() - 1 - count)))
    ++count;
  for (auto at = link.calls.end() - static_cast<std::ptrdiff_t>(count); at != link.calls.end();
       ++at) {
    at->on_stop.reset();
    core_->lost(at->what.slot);
  }
  link.calls.resize(link.calls.size() - count);
  return count;
}

void process_loop::end_calls(process_link& link, const error& why) {
  take_back(link, 0);
  for (; !link.calls.empty(); link.calls.pop_front())
    end_call(std::move(link.calls.front()), tl::unexpected(why));
}

void process_loop::end_call(process_link::call c, result<value> answer) {
  c.on_stop.reset();
  c.task->answer.answer(std::move(answer));
  (void)core_->done(c.what.slot, c.what.run, false);
}

void process_loop::refuse(slot_run what, error why) {
  if (auto t = core_->begin(what.slot, what.run)) {
    t->answer.answer(tl::unexpected(std::move(why)));
    (void)core_->done(what.slot, what.run, false);
  }
}

} // namespace patio
