/// One worker process as the host sees it: the child, the frames from and to it, and its calls. The
/// host's thread uses it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <patio/actors/pool/process_child.hpp>
#include <patio/actors/pool/process_crew.hpp>
#include <patio/actors/pool/process_inbox.hpp>
#include <patio/actors/pool/process_memory.hpp>
#include <patio/actors/pool/task.hpp>
#include <patio/protocol/frame_output.hpp>

namespace patio {

/// A stop callback that tells the host that nobody waits for a running call.
struct stop_running {
  std::shared_ptr<process_inbox> inbox;
  slot_run what;
  std::size_t process;
  void operator()() const { inbox->put({process_event::kind::stop, what, process}); }
};

class process_link {
public:
  process_link(process_child child, process_memory memory,
               std::shared_ptr<const protocol::session_options> messages)
      : child_{std::move(child)}, memory_{std::move(memory)}, messages_{std::move(messages)},
        out_{messages_} {}

  [[nodiscard]] process_child& child() noexcept { return child_; }
  [[nodiscard]] protocol::frame_output& out() noexcept { return out_; }
  /// Writes as much of the output as the socket takes.
  void flush();
  [[nodiscard]] bool has_output() const noexcept { return written_ < out_.bytes().size(); }

  /// What a read has led to.
  enum class input : std::uint8_t { none, frames, end };
  /// Reads once from the socket, and passes each frame to `take`, which returns false to stop
  /// reading. A header that `refusal` gives a reason against ends the reading, too.
  template <class Refusal, class Take>
  [[nodiscard]] input read(std::string& buffer, Refusal refusal, Take take);
  /// Passes the answers to `take` that the process has completed and not sent.
  template <class Refusal, class Take>
  void read_unsent(Refusal refusal, Take take) {
    auto bytes = memory_.behind(read_);
    read_ += static_cast<std::uint32_t>(bytes.size());
    feed(bytes, refusal, take);
  }
  [[nodiscard]] bool is_within_frame() const noexcept { return in_.is_within_frame(); }

  bool is_ready = false;   ///< has sent a good hello
  bool is_ignored = false; ///< its frames do not count any more
  bool has_ended = false;  ///< has closed its end of the socket

  /// A call that the process has.
  struct call {
    slot_run what;
    task_ptr task;
    std::uint32_t serial = 0;
    std::unique_ptr<std::stop_callback<stop_running>> on_stop = {};
  };
  /// The calls in the order in which the process runs them.
  std::deque<call> calls;
  [[nodiscard]] std::uint32_t serial() const noexcept {
    return calls.empty() ? 0 : calls.front().serial;
  }

  /// Appends the request of a call to the output, and offers it to the process. The task keeps its
  /// arguments. After an error, the output is as before.
  [[nodiscard]] result<void> put_request(slot_run what, const task_ptr& t);
  struct payload {
    std::unique_ptr<char[]> bytes; ///< null if there is no memory
    std::size_t size;
    [[nodiscard]] std::string_view view() const noexcept { return {bytes.get(), size}; }
  };
  /// Returns a copy of an answer in shared memory, because the process can still change the
  /// original. Returns nothing if the process has announced an invalid place, or more bytes than a
  /// message may have.
  [[nodiscard]] std::optional<payload> copy_answer(std::string_view announcement);
  /// Gives the memory of large messages back to the system a while after the last one, once the
  /// process has no call. Call this after each turn of the loop.
  void release_memory(instant now) noexcept;
  /// Returns when the next `release_memory` is due, or `never`.
  [[nodiscard]] instant release_at() const noexcept { return calls.empty() ? release_at_ : never; }

  /// Returns true if the process has not begun the call, and will not.
  [[nodiscard]] bool take_back(const call& c) noexcept { return memory_.take(c.serial); }

private:
  [[nodiscard]] std::optional<std::string_view> receive(std::string& buffer);
  template <class Refusal, class Take>
  void feed(std::string_view bytes, Refusal refusal, Take take);
  [[nodiscard]] result<void> write_request(std::uint32_t serial, task& t);
  [[nodiscard]] result<void> write_request(std::uint32_t serial, const call_request& request);

  process_child child_;
  process_memory memory_;
  std::shared_ptr<const protocol::session_options> messages_;
  protocol::frame_reader in_;
  protocol::frame_output out_;
  std::size_t written_ = 0;
  std::uint32_t last_serial_ = 0;
  /// Bytes of the process's stream, modulo 2^32: those that have come over the socket, and those
  /// that have been read there or in the memory.
  std::uint32_t received_ = 0, read_ = 0;
  bool has_large_message_ = false; ///< since the last release_memory
  instant release_at_ = never;
};

template <class Refusal, class Take>
process_link::input process_link::read(std::string& buffer, Refusal refusal, Take take) {
  auto bytes = receive(buffer);
  if (!bytes) return has_ended ? input::end : input::none;
  feed(*bytes, refusal, take);
  return input::frames;
}

template <class Refusal, class Take>
void process_link::feed(std::string_view bytes, Refusal refusal, Take take) {
  if (is_ignored) return;
  in_.feed(bytes);
  auto judge = [&](const protocol::frame_header& header) {
    using verdict = protocol::frame_reader::verdict;
    return is_ignored || refusal(header) ? verdict::stop : verdict::take;
  };
  while (auto frame = in_.next(judge))
    if (!take(*frame)) break;
}

} // namespace patio
