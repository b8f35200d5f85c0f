// A process pool shares the memory of a worker and its inbox between threads and processes.
#include <doctest/doctest.h>

#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <patio/actors/pool/process_inbox.hpp>
#include <patio/actors/pool/process_memory.hpp>

using namespace patio;

TEST_CASE("process_memory: a request on offer is taken once") {
  auto memory = process_memory::create().value();
  CHECK_FALSE(memory.take(1));
  memory.offer(1);
  CHECK(memory.take(1));
  CHECK_FALSE(memory.take(1));
  memory.offer(1 + process_memory::max_offers); // the same place
  CHECK_FALSE(memory.take(1));
  CHECK(memory.take(1 + process_memory::max_offers));
}

TEST_CASE("process_memory: of two sides that take the same requests, exactly one gets each") {
  constexpr std::uint32_t count = 10'000;
  auto ours = process_memory::create().value();
  auto theirs = process_memory::adopt(unique_fd{::dup(ours.descriptor())}).value();
  std::atomic<std::uint32_t> offered{0}, done{0};
  std::uint32_t taken = 0, taken_back = 0;
  std::jthread worker{[&] {
    for (std::uint32_t serial = 1; serial <= count; ++serial) {
      offered.wait(serial - 1);
      if (theirs.take(serial)) ++taken;
      done = serial;
      done.notify_one();
    }
  }};
  for (std::uint32_t serial = 1; serial <= count; ++serial) {
    ours.offer(serial);
    offered = serial;
    offered.notify_one();
    if (ours.take(serial)) ++taken_back;
    done.wait(serial - 1);
  }
  worker.join();
  CHECK(taken + taken_back == count);
}

TEST_CASE("process_memory: the pool reads what the worker has appended and not sent") {
  auto memory = process_memory::create().value();
  CHECK(memory.behind(0).empty());
  CHECK(memory.append("first"));
  CHECK(memory.append("second"));
  CHECK(memory.behind(0) == "firstsecond");
  CHECK(memory.behind(7) == "cond"); // a part has come over the socket
  CHECK(memory.behind(11).empty());
  CHECK(memory.unsent() == "firstsecond");
  memory.sent();
  CHECK(memory.behind(0).empty()); // comes over the socket
  CHECK(memory.behind(11).empty());
  memory.sent(5); // bytes that were sent directly
  CHECK(memory.append("third"));
  CHECK(memory.behind(11).empty());
  CHECK(memory.behind(16) == "third");
  CHECK_FALSE(memory.append(std::string(process_memory::answer_bytes, 'x')));
}

TEST_CASE("process_memory: the positions of the stream wrap") {
  auto memory = process_memory::create().value();
  memory.sent(0xffff'fffe);
  CHECK(memory.append("abcd"));
  CHECK(memory.behind(0xffff'ffff) == "bcd");
  CHECK(memory.behind(1) == "d");
  memory.sent();
  CHECK(memory.append("e"));
  CHECK(memory.behind(2) == "e");
}

TEST_CASE("process_inbox: no event is lost, and a host that sleeps is always woken") {
  constexpr int threads = 3, each = 5'000;
  process_inbox inbox;
  std::vector<std::jthread> putters;
  for (std::size_t t = 0; t < threads; ++t)
    putters.emplace_back([&inbox, t] {
      for (std::uint64_t i = 0; i < each; ++i) inbox.put({process_event::kind::run, {t, i}});
    });
  std::vector<std::uint64_t> next(threads, 0);
  int taken = 0, in_order = 0;
  while (taken < threads * each) {
    inbox.take([&](process_event&& e) {
      ++taken;
      in_order += e.what.run == next[e.what.slot]++;
    });
    if (taken == threads * each) break;
    pollfd wake{inbox.descriptor(), POLLIN, 0};
    auto may_block = inbox.fall_asleep();
    auto woken = ::poll(&wake, 1, may_block ? 20'000 : 0);
    REQUIRE((woken == 1 || !may_block));
    inbox.wake_up(wake.revents != 0);
  }
  CHECK(in_order == taken);
}
