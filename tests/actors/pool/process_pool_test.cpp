// Process pools with real workers: what a worker that is lost costs, and what its pool refuses.
#include <doctest/doctest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <map>
#include <set>

#include "pool/process_fixture.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

TEST_CASE("process pool: functions run in other processes, and results and exceptions come back") {
  process_test p;
  p.check_works();
  CHECK(p.call("pid").value() != value{static_cast<std::int64_t>(::getpid())});
  CHECK(p.call("echo", {value::tuple({1, "a", value{}})}).value()
        == value::tuple({1, "a", value{}}));
  CHECK(p.call("later", {9}).value() == value{9});
  auto raised = p.call("fail");
  REQUIRE_FALSE(raised);
  CHECK(to_string(raised.error()) == "IndexError: no such thing");
  auto wrong = p.call("add", {1});
  REQUIRE_FALSE(wrong);
  CHECK(to_string(wrong.error()).starts_with("TypeError: "));
}

TEST_CASE("process pool: a function that is an actor is refused in a worker process") {
  process_test p;
  auto refused = p.call("actor", {1});
  REQUIRE_FALSE(refused);
  CHECK(to_string(refused.error()).find("has no actor system") != std::string::npos);
  p.check_works();
}

TEST_CASE("process pool: a worker has its standard streams and its socket, and nothing else") {
  int extra = ::open("/dev/null", O_RDONLY); // without O_CLOEXEC
  process_test p;
  auto all = from_value<std::vector<std::int64_t>>(p.call("descriptors").value()).value();
  ::close(extra);
  std::set<std::int64_t> sorted{all.begin(), all.end()};
  // 4 is the worker's own signalfd, and the last descriptor lists the folder.
  CHECK(sorted == std::set<std::int64_t>{0, 1, 2, 3, 4, 5});
}

TEST_CASE("process pool: a crash fails only its own call, with the signal or the exit status") {
  process_test p;
  p.check_lost(p.start("raise", {SIGSEGV}), "signal 11 (SIGSEGV)");
  p.check_lost(p.start("raise", {SIGKILL}), "signal 9 (SIGKILL)");
  p.check_lost(p.start("exit", {3}), "exit status 3");
}

TEST_CASE("process pool: kill -9 in mid-call fails that call, and the others go on") {
  process_test p;
  fifo started;
  auto hanging = p.start("hang", {started.path()});
  auto pid = started.await();
  CHECK(p.call("pid").value() != value{static_cast<std::int64_t>(pid)});
  ::kill(pid, SIGKILL);
  p.check_lost(std::move(hanging), "signal 9 (SIGKILL)");
}

TEST_CASE("process pool: a stopped worker is killed one second after the deadline of its call") {
  process_test p{{.workers = 2, .kill_delay = 100ms}};
  p.check_works();
  p.check_lost(p.start("stop_self", {}, clock_now() + 1s),
               "killed 100 ms after the deadline of its call");
}

TEST_CASE("process pool: a function whose caller has given up is stopped, or else killed") {
  process_test p{{.workers = 1, .kill_delay = 200ms}};
  p.check_works();
  std::stop_source polite, stubborn;
  auto waits = p.start("await_stop", {}, never, polite.get_token());
  polite.request_stop();
  auto ended_by_itself = ended(waits);
  // A stop that comes before the call begins ends it, too.
  CHECK((ended_by_itself ? *ended_by_itself == value{1}
                         : ended_by_itself.error().code == errc::cancelled));
  fifo started;
  auto hangs = p.start("hang", {started.path()}, never, stubborn.get_token());
  started.await();
  stubborn.request_stop();
  p.check_lost(std::move(hangs), "killed 200 ms after its caller had given up the call");
}

TEST_CASE("process pool: a worker that writes garbage is replaced, and its call fails") {
  process_test p{{.workers = 1}};
  using protocol::packet;
  auto lost = [&](const char* how, const std::string& bytes) {
    auto why = error_of(p.start(how, {bytes}));
    CHECK(why.code == errc::maybe_executed);
    p.check_works();
    return why.message;
  };
  CHECK(lost("send_raw", frame_of(packet::request, 0))
          .find("it sent REQUEST (type 10, serial 1), "
                "which is not an answer to its call")
        != std::string::npos);
  CHECK(lost("send_raw", "GET / HTTP/1.1\r\n").find("which is not an answer") != std::string::npos);
  // Each worker numbers its calls from 1. The call of check_works was the first.
  CHECK(lost("send_raw", frame_of(packet::response, 1 << 30, 2))
        == "worker lost: it sent RESPONSE (type 20, serial 2) of 1073741824 bytes, more than "
           "67108864");
  CHECK(lost("send_raw", frame_of(packet::response, 3, 2) + "abc")
          .starts_with("worker lost: it sent an answer that cannot be decoded: "));
  CHECK(lost("send_half", frame_of(packet::response, 10).substr(0, 4))
        == "worker lost: exit status 0 after half a frame");
}

TEST_CASE(
  "process pool: a grandchild that keeps the socket open does not delay the end of a call") {
  process_test p;
  p.check_lost(p.start("leave_grandchild"), "exit status 7");
}

TEST_CASE("process pool: a grandchild that has left the worker's group does not delay it either") {
  process_test p;
  fifo started;
  auto lost = p.start("leave_session", {started.path()});
  auto grandchild = started.await();
  p.check_lost(std::move(lost), "exit status 7");
  ::kill(grandchild, SIGKILL);
}

TEST_CASE("process pool: arguments and results above the limit are refused, and nothing is lost") {
  process_test p{{.workers = 1, .per_worker = {.message_bytes = 1 << 20}}};
  auto pid = p.call("pid").value();
  auto big = error_of(p.start("echo", {std::string(2 << 20, 'x')}));
  CHECK(big.message
        == "the arguments have more than 1048576 bytes, the message_bytes of the "
           "process pool");
  auto result = p.call("large", {2 << 20});
  REQUIRE_FALSE(result);
  CHECK(to_string(result.error()).find("the result cannot be sent") != std::string::npos);
  CHECK(p.call("large", {1 << 19}).value().text().size() == 1 << 19);
  CHECK(p.call("pid").value() == pid);
}

TEST_CASE("process pool: a memory limit makes an allocation fail, and the worker lives on") {
  process_test p{{.workers = 1, .per_worker = {.memory_bytes = std::size_t{1} << 30}}};
  auto pid = p.call("pid").value();
  auto failed = p.call("allocate", {2048});
  REQUIRE_FALSE(failed);
  CHECK(to_string(failed.error()).starts_with("MemoryError"));
  CHECK(p.call("pid").value() == pid);
}

TEST_CASE("process pool: each call gets the processor time of the limit, rounded up") {
  process_test p{{.workers = 1, .per_worker = {.cpu_time = 1000s}}};
  for (int i = 0; i < 2; ++i) {
    auto limit = from_value<std::int64_t>(p.call("cpu_limit").value()).value();
    CHECK(limit > 1000);
    CHECK(limit < 1010);
  }
  process_test unlimited;
  CHECK(unlimited.call("cpu_limit").value() == value{-1});
}

TEST_CASE("process pool: workers that are killed at random fail only the calls that they ran") {
  process_test p{{.workers = 4}};
  std::vector<outcome> all;
  std::size_t lost = 0, killed = 0;
  for (int i = 0; i < 60; ++i) {
    auto pid = p.call("pid");
    for (int j = 0; j < 10; ++j) all.push_back(p.start("add", {i, j}));
    if (!pid) continue;
    ::kill(static_cast<pid_t>(from_value<std::int64_t>(*pid).value()), SIGKILL);
    ++killed;
  }
  for (auto& o : all) {
    auto r = ended(o);
    if (r) continue;
    ++lost;
    CHECK(r.error().message == "worker lost: signal 9 (SIGKILL)");
  }
  CHECK(killed > 30);
  CHECK(lost <= killed);
  p.check_works();
}

TEST_CASE("process pool: many calls run on N workers, and a worker is recycled after its calls") {
  process_test p{{.workers = 3, .calls_per_worker = 10}};
  std::vector<outcome> all;
  for (int i = 0; i < 100; ++i) all.push_back(p.start("pid"));
  std::map<std::int64_t, int> calls;
  for (auto& o : all) ++calls[from_value<std::int64_t>(ended(o).value()).value()];
  CHECK(calls.size() >= 10);
  for (auto [pid, count] : calls) CHECK(count <= 10);
}

TEST_CASE("process pool: calls that wait when a worker is lost run on the other workers") {
  process_test p;
  std::vector<outcome> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(p.start("add", {i, i}));
    if (i % 5 == 0) (void)p.start("exit", {1});
  }
  for (int i = 0; i < 20; ++i)
    CHECK(ended(all[static_cast<std::size_t>(i)]).value() == value{2 * i});
}

TEST_CASE(
  "process pool: calls behind a slow call run on another worker, and answers before it come") {
  process_test p;
  std::vector<outcome> all;
  auto add_many = [&] {
    for (int i = 0; i < 200; ++i) all.push_back(p.start("add", {i, 1}));
  };
  add_many(); // the pool sees that calls are quick
  for (auto& o : all) CHECK(ended(o));
  all.clear();
  fifo started;
  add_many();
  auto hangs = p.start("hang", {started.path()});
  add_many();
  for (std::size_t i = 0; i < all.size(); ++i)
    CHECK(ended(all[i]).value() == value{static_cast<std::int64_t>(i % 200) + 1});
  ::kill(started.await(), SIGKILL);
  p.check_lost(std::move(hangs), "signal 9 (SIGKILL)");
}

TEST_CASE("process pool: a crash loop opens the breaker, and calls are refused with the reason") {
  auto refused = [](const char* name) {
    variant v{name};
    process_test p;
    auto why = error_of(p.start("add", {1, 2}));
    CHECK(why.code == errc::overloaded);
    return why.message;
  };
  CHECK(refused("exits").find("exit status 3 before it was ready (does the main function of "
                              "/proc/self/exe begin with patio::run_if_worker?)")
        != std::string::npos);
  CHECK(refused("other").find("the worker program has other functions: it has 'add(arg1: int) -> "
                              "int', and this program has 'add(arg1: int, arg2: int) -> int'")
        != std::string::npos);
  CHECK(refused("version").find("the worker program speaks version 999 of the worker protocol, and "
                                "this program speaks version ")
        != std::string::npos);
  CHECK(refused("fails").find("the start-up function failed: RuntimeError: ") != std::string::npos);
}

TEST_CASE("process pool: an executable that is gone is named in the error") {
  process_test p{{.workers = 2, .executable = "/nowhere/worker"}};
  auto why = error_of(p.start("add", {1, 2}));
  CHECK(why.message.find("cannot start the worker program /nowhere/worker: No such file")
        != std::string::npos);
}

TEST_CASE("process pool: an executable that is replaced by another program is named in the error") {
  auto path = std::filesystem::absolute("process_pool_worker." + std::to_string(::getpid()));
  std::filesystem::copy_file("/proc/self/exe", path);
  process_test p{{.workers = 1, .executable = path}};
  p.check_works();
  std::filesystem::remove(path);
  std::filesystem::copy_file("/bin/true", path);
  CHECK(error_of(p.start("exit", {3})).message == "worker lost: exit status 3");
  auto why = error_of(p.start("add", {1, 2}));
  std::filesystem::remove(path);
  CHECK(why.code == errc::overloaded);
  CHECK(why.message.find("exit status 0 before it was ready (does the main function of "
                         + path.string() + " begin with patio::run_if_worker?)")
        != std::string::npos);
}

TEST_CASE("process pool: a program in a worker process that forgets run_if_worker starts no pool") {
  ::setenv("PATIO_WORKER", "1", 1);
  test_system t;
  CHECK_THROWS_AS((void)spawn_process_pool(t.system, process_functions()), std::logic_error);
  ::unsetenv("PATIO_WORKER");
}

TEST_CASE(
  "process pool: when the pool ends, its running calls end, and no process or descriptor is "
  "left") {
  auto before = count_descriptors();
  {
    process_test p{{.workers = 4}};
    fifo started;
    p.check_works();
    auto hanging = p.start("hang", {started.path()});
    started.await();
    p.pool.shut_down();
    CHECK(error_of(std::move(hanging)).code == errc::shut_down);
    CHECK(error_of(p.start("add", {1, 2})).code == errc::shut_down);
  }
  CHECK(count_descriptors() == before);
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1); // no child is left
}
