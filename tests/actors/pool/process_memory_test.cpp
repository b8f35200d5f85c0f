// A process pool shares the memory of a worker and its inbox between threads and processes.
#include <doctest/doctest.h>

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <limits>
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

TEST_CASE("process_area: payloads follow each other until the reader has released all of them") {
  auto ours = process_memory::create(10'000).value();
  auto theirs = process_memory::adopt(unique_fd{::dup(ours.descriptor())}).value();
  auto& area = ours.requests();
  CHECK(area.room().size() == 12'288); // whole pages
  CHECK(ours.area_bytes() == 2 * 12'288);
  auto put = [&](char c, std::size_t size) {
    std::ranges::fill(area.room().first(size), c);
    return area.keep(size);
  };
  auto first = put('a', 5'000), second = put('b', 7'000);
  CHECK(theirs.requests().find(first) == std::string(5'000, 'a'));
  CHECK(theirs.requests().find(second) == std::string(7'000, 'b'));
  CHECK(area.room().size() < 300);
  theirs.requests().release();
  CHECK(area.room().size() < 300);
  theirs.requests().release();
  CHECK(area.room().size() == 12'288);
  CHECK(put('c', 1) == process_area::place{0, 1});
  CHECK(theirs.answers().room().front() == 0); // the other direction has memory of its own
}

TEST_CASE("process_area: a place outside of the area is not found") {
  constexpr auto max = std::numeric_limits<std::uint64_t>::max();
  auto memory = process_memory::create(4'096).value();
  const auto& area = memory.answers();
  CHECK(area.find({0, 4'096}));
  CHECK(area.find({4'096, 0}));
  for (auto wrong : {process_area::place{0, 4'097}, {1, 4'096}, {4'097, 0}, {max, 1}, {1, max}})
    CHECK_FALSE(area.find(wrong));
  auto none = process_memory::create().value();
  CHECK(none.area_bytes() == 0);
  CHECK(none.answers().room().empty());
  CHECK_FALSE(none.answers().find({0, 1}));
}

TEST_CASE("process_area: memory that is cleared reads as zero, and can be used again") {
  auto memory = process_memory::create(8'192).value();
  memory.requests().room().front() = 'x';
  memory.answers().room().back() = 'y';
  memory.offer(5);
  memory.clear_areas();
  CHECK(memory.requests().room().front() == 0);
  CHECK(memory.answers().room().back() == 0);
  CHECK(memory.take(5)); // the rest of the memory stays
  memory.requests().room().front() = 'z';
  CHECK(memory.requests().find({0, 1}) == "z");
}

TEST_CASE("process_memory: a descriptor of too little memory is refused") {
  unique_fd small{::memfd_create("small", MFD_CLOEXEC)};
  REQUIRE(::ftruncate(small.get(), 4'096) == 0);
  CHECK_FALSE(process_memory::adopt(std::move(small)));
}

TEST_CASE("process_area: a reader on another thread gets every payload whole") {
  constexpr std::uint32_t count = 2'000;
  auto ours = process_memory::create(16'384).value();
  auto theirs = process_memory::adopt(unique_fd{::dup(ours.descriptor())}).value();
  std::vector<process_area::place> places(count);
  std::atomic<std::uint32_t> written{0}, read{0};
  std::uint32_t wrong = 0, beginnings = 0;
  std::jthread reader{[&] {
    for (std::uint32_t i = 0; i < count; ++i) {
      written.wait(i);
      auto payload = theirs.requests().find(places[i]);
      wrong += !payload || *payload != std::string(1'000 + i, static_cast<char>(i));
      theirs.requests().release();
      read = i + 1;
      read.notify_one();
    }
  }};
  for (std::uint32_t i = 0; i < count; ++i) {
    auto size = 1'000 + i;
    for (auto seen = read.load(); ours.requests().room().size() < size; seen = read.load())
      if (seen < i) read.wait(seen);
    std::ranges::fill(ours.requests().room().first(size), static_cast<char>(i));
    places[i] = ours.requests().keep(size);
    beginnings += places[i].offset == 0;
    written = i + 1;
    written.notify_one();
  }
  reader.join();
  CHECK(wrong == 0);
  CHECK(beginnings > count / 20);
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
