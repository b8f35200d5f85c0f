// Lines for a descriptor that is full, broken, or read by nobody.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <mutex>
#include <sstream>
#include <thread>

#include <patio/actors/os/line_writer.hpp>
#include <patio/actors/os/socket.hpp>

using namespace patio;
using namespace std::chrono_literals;

namespace {

constexpr int smallest_pipe = 4096;

struct small_pipe {
  unique_fd reading, writing;

  small_pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    reading = unique_fd{ends[0]};
    writing = unique_fd{ends[1]};
    REQUIRE(::fcntl(ends[1], F_SETPIPE_SZ, smallest_pipe) == smallest_pipe);
  }
  void fill() {
    std::string text(smallest_pipe, '.');
    REQUIRE(::write(writing.get(), text.data(), text.size()) == smallest_pipe);
  }
  /// Reads until the text ends like this.
  std::string read_until(const std::string& end) {
    std::string all;
    std::array<char, 4096> chunk;
    while (!all.ends_with(end)) {
      auto n = ::read(reading.get(), chunk.data(), chunk.size());
      REQUIRE(n > 0);
      all.append(chunk.data(), static_cast<std::size_t>(n));
    }
    return all;
  }
};

line_writer_options counting(std::size_t max_bytes = 1 << 20) {
  return {.max_bytes = max_bytes,
          .left_out = [](std::uint64_t n) { return "left out: " + std::to_string(n) + "\n"; }};
}

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream{path}.rdbuf();
  return text.str();
}

/// A file of the test's folder; the end removes it.
struct temporary_file {
  std::string path = "line_writer_test.txt";
  unique_fd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600)};
  ~temporary_file() { ::unlink(path.c_str()); }
};

/// The errors that a writer reports.
struct error_list {
  std::mutex mutex;
  std::vector<int> all;
  void add(int why) {
    std::lock_guard lock{mutex};
    all.push_back(why);
  }
  std::vector<int> get() {
    std::lock_guard lock{mutex};
    return all;
  }
};

} // namespace

TEST_CASE("line_writer: a full pipe does not block the caller; lines beyond the queue are counted, "
          "and the count is written once the pipe is read") {
  small_pipe pipe;
  pipe.fill();
  line_writer writer{pipe.writing.get(), counting(1000)};
  for (int i = 0; i < 500; ++i) writer.write(std::string(99, 'x') + "\n");
  auto text = pipe.read_until("left out: 490\n");
  CHECK(std::count(text.begin(), text.end(), '\n') == 11);
  writer.write("after\n");
  CHECK(pipe.read_until("after\n") == "after\n");
}

TEST_CASE("line_writer: the count stands where the lines are missing") {
  small_pipe pipe;
  pipe.fill();
  line_writer writer{pipe.writing.get(), counting(12)};
  writer.write("first\n");
  writer.write("too long for the rest of the queue\n");
  std::string filling(smallest_pipe, '.');
  CHECK(pipe.read_until("left out: 1\n") == filling + "first\nleft out: 1\n");
}

TEST_CASE("line_writer: lines that a full disk refuses are counted, and the count is written once "
          "there is room again") {
  temporary_file file;
  unique_fd out{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  error_list errors;
  auto options = counting();
  options.on_error = [&errors](int why) { errors.add(why); };
  line_writer writer{out.get(), options};
  for (int i = 0; i < 3; ++i) writer.write("refused\n");
  CHECK(writer.flush());
  CHECK(errors.get() == std::vector<int>{ENOSPC});
  REQUIRE(::dup2(file.fd.get(), out.get()) == out.get());
  writer.write("taken\n");
  CHECK(writer.flush());
  CHECK(content(file.path) == "left out: 3\ntaken\n");
}

TEST_CASE(
  "line_writer: a line that is cut by a full disk is counted, and the next line is a line of "
  "its own") {
  temporary_file file;
  rlimit previous{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &previous) == 0);
  rlimit tiny{5, previous.rlim_max};
  line_writer writer{file.fd.get(), counting()};
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &tiny) == 0);
  writer.write("0123456789\n");
  CHECK(writer.flush());
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &previous) == 0);
  writer.write("next\n");
  CHECK(writer.flush());
  CHECK(content(file.path) == "01234\nleft out: 1\nnext\n");
}

TEST_CASE("line_writer: a descriptor that somebody has made non-blocking gets every line") {
  small_pipe pipe;
  REQUIRE(::fcntl(pipe.writing.get(), F_SETFL, O_NONBLOCK) == 0);
  line_writer writer{pipe.writing.get(), counting()};
  std::string sent;
  for (int i = 0; i < 1000; ++i) {
    writer.write(std::to_string(i) + " lines\n");
    sent += std::to_string(i) + " lines\n";
  }
  CHECK(pipe.read_until("999 lines\n") == sent);
}

TEST_CASE("line_writer: a broken pipe is an error of the write, not a signal") {
  auto previous = std::signal(SIGPIPE, SIG_DFL);
  small_pipe pipe;
  pipe.reading = {};
  error_list errors;
  {
    line_writer writer{pipe.writing.get(), {.on_error = [&errors](int why) { errors.add(why); }}};
    writer.write("nobody reads this\n");
  }
  CHECK(errors.get() == std::vector<int>{EPIPE});
  std::signal(SIGPIPE, previous);
}

TEST_CASE("line_writer: flush and the destructor give up if nobody reads, and wait only once") {
  small_pipe pipe;
  pipe.fill();
  auto begin = std::chrono::steady_clock::now();
  {
    line_writer writer{pipe.writing.get(), counting()};
    writer.write("nobody reads this\n");
    CHECK(!writer.flush());
    CHECK(!writer.flush());
  }
  auto waited = std::chrono::steady_clock::now() - begin;
  CHECK(waited >= 1s);
  CHECK(waited < 10s);
}

TEST_CASE("line_writer: flush waits for a reader that reads slowly but reads") {
  small_pipe pipe;
  line_writer writer{pipe.writing.get(), counting()};
  for (int i = 0; i < 1000; ++i) writer.write(std::string(99, 'x') + "\n");
  writer.write("last\n");
  std::string text;
  std::jthread reader{[&] { text = pipe.read_until("last\n"); }};
  CHECK(writer.flush());
  reader.join();
  CHECK(text.size() == 100'005);
}
