/// One worker process as the host sees it: the child, the frames from and to it, and its call. The
/// host's thread uses it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include <patio/actors/pool/process_child.hpp>
#include <patio/actors/pool/process_crew.hpp>
#include <patio/actors/pool/process_inbox.hpp>
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
  process_link(process_child child, std::shared_ptr<const protocol::session_options> messages)
      : child_{std::move(child)}, out_{std::move(messages)} {}

  [[nodiscard]] process_child& child() noexcept { return child_; }
  [[nodiscard]] protocol::frame_output& out() noexcept { return out_; }
  /// Writes as much of the output as the socket takes. Keeps the output.
  void flush();
  /// Drops the output of the last request.
  void forget_request();
  /// Decodes the last request again.
  [[nodiscard]] result<call_request> request(const pickle_limits& limits,
                                             const python_types& types) const;
  [[nodiscard]] bool has_output() const noexcept { return written_ < out_.bytes().size(); }

  /// What a read has led to.
  enum class input : std::uint8_t { none, frames, end };
  /// Reads once from the socket, and passes each frame to `take`, which returns false to stop
  /// reading. A header that `refusal` gives a reason against ends the reading, too.
  template <class Refusal, class Take>
  [[nodiscard]] input read(std::string& buffer, Refusal refusal, Take take);
  [[nodiscard]] bool is_within_frame() const noexcept { return in_.is_within_frame(); }

  /// The process has ended without reading all of the output.
  [[nodiscard]] bool was_unread() const noexcept { return was_reset_ || has_output(); }

  bool is_ready = false;   ///< has sent a good hello
  bool is_ignored = false; ///< its frames do not count any more
  bool has_ended = false;  ///< has closed its end of the socket

  /// The call that the process runs.
  struct call {
    slot_run what;
    task_ptr task;
    std::unique_ptr<std::stop_callback<stop_running>> on_stop = {};
  };
  std::optional<call> running;
  [[nodiscard]] std::uint32_t serial() const noexcept {
    return running ? static_cast<std::uint32_t>(running->what.run) : 0;
  }

private:
  [[nodiscard]] std::optional<std::string_view> receive(std::string& buffer);

  process_child child_;
  protocol::frame_reader in_;
  protocol::frame_output out_;
  std::size_t written_ = 0;
  bool was_reset_ = false;
};

template <class Refusal, class Take>
process_link::input process_link::read(std::string& buffer, Refusal refusal, Take take) {
  auto bytes = receive(buffer);
  if (!bytes) return has_ended ? input::end : input::none;
  if (is_ignored) return input::frames;
  in_.feed(*bytes);
  auto judge = [&](const protocol::frame_header& header) {
    using verdict = protocol::frame_reader::verdict;
    return is_ignored || refusal(header) ? verdict::stop : verdict::take;
  };
  while (auto frame = in_.next(judge))
    if (!take(*frame)) break;
  return input::frames;
}

} // namespace patio
