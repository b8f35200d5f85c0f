/// A child process that the pool has started, and the pool's end of its socket. A resource of the
/// thread that started the child: the kernel ends the child when that thread ends.
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include <patio/actors/os/socket.hpp>
#include <patio/actors/pool/worker_inputs.hpp>
#include <patio/value/error.hpp>

namespace patio {

class process_child {
public:
  /// Starts the program with `worker_argument` and the arguments of the inputs. The child has
  /// standard output and standard error of this process, /dev/null as standard input, one end of
  /// the socket, the descriptor of its process_memory, and the files of the inputs. It inherits
  /// nothing else, and leads a process group of its own.
  [[nodiscard]] static result<process_child> start(const std::string& executable, int memory,
                                                   const worker_inputs& inputs = {});

  process_child() = default;
  process_child(process_child&& other) noexcept { swap(other); }
  process_child& operator=(process_child&& other) noexcept {
    swap(other);
    return *this;
  }
  /// Kills the child with its process group, and reaps it.
  ~process_child();

  [[nodiscard]] explicit operator bool() const noexcept { return pid_ > 0; }
  [[nodiscard]] int socket() const noexcept { return socket_.get(); }
  /// Readable once the child has ended.
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// Kills the child and the processes that it has started, unless they have left its group.
  void kill() const noexcept;
  /// The child reads the end of its input. Its answers can still be read.
  void end_input() const noexcept;
  /// Tells the child to stop the call with this serial (stop_signal).
  void stop_call(std::uint32_t serial) const noexcept;
  /// Reaps the child if it has ended, and returns how: "signal 11 (SIGSEGV)". Kills the rest of its
  /// group first. Afterwards this object owns nothing.
  [[nodiscard]] std::optional<std::string> reap();

private:
  void swap(process_child& other) noexcept;

  pid_t pid_ = -1;
  unique_fd socket_, pidfd_;
};

/// The signal that stops a call. Its value is the serial of the call.
[[nodiscard]] int stop_signal() noexcept;

} // namespace patio
