#include <patio/actors/pool/process_probe.hpp>

#include <poll.h>

#include <algorithm>
#include <optional>

#include <patio/actors/os/clock.hpp>
#include <patio/actors/pool/process_link.hpp>
#include <patio/actors/pool/process_messages.hpp>

namespace patio {
namespace {

using protocol::packet;

/// A worker that is asked for its functions, and for nothing else.
class probe {
public:
  probe(process_child child, process_memory memory)
      : link_{std::move(child), std::move(memory), message_options(handshake_bytes, {})} {
    // No registry has this digest, so the worker sends its list of functions.
    link_.out().put(packet::discover_request, 0, write_settings({.digest = "probe", .limits = {}}));
    link_.flush();
  }

  [[nodiscard]] result<worker_hello> await_hello(instant deadline) {
    for (;;) {
      bool has_ended = wait(deadline);
      read();
      if (hello_) return std::move(*hello_);
      if (has_ended)
        if (auto how = link_.child().reap()) return fail(errc::maybe_executed, *how);
      if (clock_now() >= deadline) return fail(errc::timeout, "it was not ready in time");
    }
  }

private:
  /// Waits for input or for the end of the process. Returns true if it has ended.
  bool wait(instant deadline) {
    auto left = std::max(deadline - clock_now(), std::chrono::nanoseconds::zero());
    auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    pollfd watched[] = {{link_.has_ended ? -1 : link_.child().socket(), POLLIN, 0},
                        {link_.child().pidfd(), POLLIN, 0}};
    (void)::poll(watched, 2, static_cast<int>(std::min<std::int64_t>(ms, 60'000)));
    return watched[1].revents != 0;
  }

  void read() {
    auto refusal = [](const protocol::frame_header& header) {
      return header.type != packet::discover_response || header.size > handshake_bytes;
    };
    auto take = [&](const protocol::frame_reader::frame& frame) {
      hello_ = read_hello(frame.payload);
      return false;
    };
    while (!hello_ && link_.read(buffer_, refusal, take) == process_link::input::frames) {}
  }

  process_link link_;
  std::optional<result<worker_hello>> hello_;
  std::string buffer_ = std::string(std::size_t{64} << 10, '\0');
};

} // namespace

result<std::vector<std::pair<std::string, std::string>>>
probe_worker(const worker_inputs& inputs, std::chrono::nanoseconds timeout) {
  auto memory = process_memory::create();
  if (!memory) return tl::unexpected(std::move(memory.error()));
  auto child = process_child::start("/proc/self/exe", memory->descriptor(), inputs);
  if (!child) return tl::unexpected(std::move(child.error()));
  auto hello =
    probe{std::move(*child), std::move(*memory)}.await_hello(after(clock_now(), timeout));
  if (!hello) return tl::unexpected(std::move(hello.error()));
  if (!hello->failure.empty()) return fail(errc::invalid, std::move(hello->failure));
  return std::move(hello->functions);
}

} // namespace patio
