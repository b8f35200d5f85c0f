#include "standard_streams.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>

#include <patio/actors/os/log.hpp>
#include <patio/actors/os/socket.hpp>

#include "exit_code.hpp"

namespace patio::apps {
namespace {

void await(int fd, short event) noexcept {
  pollfd wanted{fd, event, 0};
  (void)::poll(&wanted, 1, -1);
}

std::string reason(int code) { return std::system_category().message(code); }

/// Prints with neither memory nor threads, unless standard error would block.
void print_at_the_end(const char* text) noexcept {
  pollfd writable{STDERR_FILENO, POLLOUT, 0};
  if (::poll(&writable, 1, 0) > 0) (void)!::write(STDERR_FILENO, text, std::strlen(text));
}

// CAF ends by std::terminate when it finds no memory or no thread. Any other reason is a bug, whose
// abort() leaves a core.
[[noreturn]] void on_terminate() {
  try {
    if (auto thrown = std::current_exception()) std::rethrow_exception(thrown);
    print_at_the_end(
      "patio: the system has no thread left for this process (ulimit -u, ulimit -v)\n");
  } catch (const std::bad_alloc&) {
    print_at_the_end("patio: out of memory (is there a limit, as by `ulimit -v`?)\n");
  } catch (const std::system_error& e) {
    print_at_the_end("patio: ");
    print_at_the_end(e.what());
    print_at_the_end("\n");
  } catch (const std::exception& e) {
    print_at_the_end("patio: bug: ");
    print_at_the_end(e.what());
    print_at_the_end("\n");
    std::abort();
  } catch (...) {
    std::abort();
  }
  std::_Exit(lost);
}

} // namespace

int print_text(std::string_view text) {
  while (!text.empty()) {
    auto n = ::write(STDOUT_FILENO, text.data(), text.size());
    if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
    else if (errno == EAGAIN) await(STDOUT_FILENO, POLLOUT);
    else if (errno != EINTR) {
      print_error("cannot write to standard output: " + reason(errno));
      return lost;
    }
  }
  return ok;
}

void print_error(const std::string& message) {
  print_to_standard_error("patio: " + message + "\n");
  (void)flush_log();
}

result<std::string> read_input(const std::string& path, std::size_t max_bytes) {
  bool is_standard_input = path == "-";
  auto cannot_read = [&](const std::string& why) {
    return fail(errc::invalid, "cannot read "
                                 + (is_standard_input ? "standard input"
                                    : path.empty()    ? "''"
                                                      : path)
                                 + ": " + why);
  };
  unique_fd file;
  if (!is_standard_input) file = unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (!is_standard_input && !file) return cannot_read(reason(errno));
  int fd = is_standard_input ? STDIN_FILENO : file.get();
  std::string text;
  std::array<char, 65'536> chunk;
  for (;;) {
    auto n = ::read(fd, chunk.data(), chunk.size());
    if (n == 0) return text;
    if (n > 0) text.append(chunk.data(), static_cast<std::size_t>(n));
    else if (errno == EAGAIN) await(fd, POLLIN);
    else if (errno != EINTR) return cannot_read(reason(errno));
    if (text.size() > max_bytes)
      return cannot_read("it has more than " + std::to_string(max_bytes) + " bytes");
  }
}

void prepare_process() {
  std::set_terminate(on_terminate);
  // A parent may have blocked signals, and only `serve` waits for them. The write itself reports a
  // broken pipe and a file that is too large.
  sigset_t none;
  sigemptyset(&none);
  (void)::sigprocmask(SIG_SETMASK, &none, nullptr);
  (void)::signal(SIGPIPE, SIG_IGN);
  (void)::signal(SIGXFSZ, SIG_IGN);
  (void)::signal(SIGCHLD, SIG_DFL); // `mesh` waits for its children
}

} // namespace patio::apps
