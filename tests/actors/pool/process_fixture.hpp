/// For tests of process pools: a pool with real workers, and how the tests see a worker run.
#pragma once

#include <doctest/doctest.h>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include <patio/patio.hpp>
#include <patio/protocol/frame.hpp>

#include "pool/executor_fixture.hpp"
#include "pool/process_functions.hpp"

namespace patio::tests {

/// Sets an environment variable, which workers inherit, for its scope.
class variant {
public:
  explicit variant(const char* name) { ::setenv("PATIO_TEST_WORKER", name, 1); }
  ~variant() { ::unsetenv("PATIO_TEST_WORKER"); }
  variant(const variant&) = delete;
  variant& operator=(const variant&) = delete;
};

/// A pool in an actor system of its own.
struct process_test {
  explicit process_test(process_pool_options options = {.workers = 2})
      : pool{spawn_process_pool(t.system, process_functions(), options)} {}
  ~process_test() { pool.shut_down(); }

  [[nodiscard]] outcome start(const std::string& name, std::vector<value> args = {},
                              instant deadline = never, std::stop_token stop = {}) {
    return tests::start(pool, name, std::move(args), deadline, std::move(stop));
  }
  [[nodiscard]] result<value> call(const std::string& name, std::vector<value> args = {}) {
    auto o = start(name, std::move(args));
    return ended(o);
  }
  void check_works() { CHECK(call("add", {1, 2}).value() == value{3}); }
  void check_lost(outcome o, const std::string& how) {
    auto why = error_of(std::move(o));
    CHECK(why.code == errc::maybe_executed);
    CHECK(why.message == "worker lost: " + how);
    check_works();
  }

  test_system t;
  executor pool;
};

/// Blocks until a worker has written to it.
class fifo {
public:
  fifo()
      : path_{"process_pool_fifo." + std::to_string(::getpid()) + "." + std::to_string(++count_)} {
    ::unlink(path_.c_str());
    REQUIRE(::mkfifo(path_.c_str(), 0600) == 0);
  }
  ~fifo() { ::unlink(path_.c_str()); }
  fifo(const fifo&) = delete;
  fifo& operator=(const fifo&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Returns the number of the process that hangs.
  pid_t await() {
    int fd = ::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    pollfd written{fd, POLLIN, 0};
    REQUIRE(::poll(&written, 1, 20'000) == 1);
    char text[16] = {};
    CHECK(::read(fd, text, sizeof text - 1) > 0);
    ::close(fd);
    return static_cast<pid_t>(std::atoi(text));
  }

private:
  inline static int count_ = 0; ///< of all that this process has made
  std::string path_;
};

/// Returns the header of a frame whose payload would have `size` bytes.
[[nodiscard]] inline std::string frame_of(protocol::packet type, std::uint32_t size,
                                          std::uint32_t serial = 1) {
  std::string header{static_cast<char>(type)};
  for (auto n : {size, serial})
    for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>((n >> shift) & 0xff);
  return header;
}

inline std::size_t count_descriptors() {
  auto all = std::filesystem::directory_iterator{"/proc/self/fd"};
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

} // namespace patio::tests
