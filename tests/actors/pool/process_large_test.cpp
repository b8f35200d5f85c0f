// Process pools: large arguments and results cross in shared memory, and a damaged worker cannot
// harm its pool there.
#include <doctest/doctest.h>

#include <signal.h>
#include <unistd.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include <patio/actors/pool/process_messages.hpp>
#include <patio/pickle/pickle.hpp>

#include "pool/process_fixture.hpp"
#include "seed.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

std::string text(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 random{seed};
  std::string chars(size, '\0');
  for (auto& c : chars) c = static_cast<char>('a' + random() % 26);
  return chars;
}

/// Announces an answer in shared memory. `serial` numbers the calls of a worker from 1.
std::string announcement(process_area::place at, std::uint32_t serial = 2) {
  return frame_of(response_in_memory, place_bytes, serial) + write_place(at);
}

/// Calls a function with which the worker ends, as the second call of the worker.
std::string lost(process_test& p, const char* function, std::vector<value> args) {
  p.check_works();
  auto why = error_of(p.start(function, std::move(args)));
  CHECK(why.code == errc::maybe_executed);
  return why.message;
}

} // namespace

TEST_CASE("process pool: large values of all kinds are the same after their way there and back") {
  process_test p{{.workers = 1, .per_worker = {.message_bytes = 8 * mib}}};
  auto pid = p.call("pid").value();
  std::vector<value> numbers;
  for (std::int64_t i = 0; i < 200'000; ++i) numbers.emplace_back(i * i);
  for (const auto& v : {value::bytes(text(5 * mib)), value{text(large_message)},
                        value{text(large_message - 100)}, value::list(std::move(numbers)),
                        value::dict({{"a", value::tuple({text(2 * mib), text(mib)})}})})
    CHECK(p.call("echo", {v}).value() == v);
  CHECK(p.call("large", {7 * mib}).value().text().size() == 7 * mib);
  CHECK(p.call("pid").value() == pid);
}

TEST_CASE("process pool: large calls that are in flight together do not mix") {
  process_test p{{.workers = 2, .per_worker = {.message_bytes = 2 * mib}}};
  std::vector<value> sent;
  std::vector<outcome> all;
  for (std::uint64_t i = 0; i < 40; ++i) {
    sent.emplace_back(text((i % 4 + 1) * mib / 3, i));
    all.push_back(p.start("echo", {sent.back()}));
    if (i % 3 == 0) CHECK(p.call("add", {1, 2}));
  }
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(ended(all[i]).value() == sent[i]);
}

TEST_CASE("process pool: the limit of a message holds to the byte in shared memory") {
  auto v = value::bytes(text(mib));
  std::string pickle;
  REQUIRE(write_pickle(v, pickle));
  for (bool fits : {true, false}) {
    // A request has more bytes than its argument, so only the result reaches the limit.
    process_test p{{.workers = 1, .per_worker = {.message_bytes = pickle.size() - (fits ? 0 : 1)}}};
    auto r = p.call("large_bytes", {static_cast<std::int64_t>(mib)});
    CHECK(r.has_value() == fits);
    if (!fits) CHECK(to_string(r.error()).find("it is over the frame limit") != std::string::npos);
    CHECK(error_of(p.start("echo", {v})).message
          == "the arguments have more than " + std::to_string(pickle.size() - (fits ? 0 : 1))
               + " bytes, the message_bytes of the process pool");
    p.check_works();
  }
}

TEST_CASE("process pool: a worker that announces a wrong place in shared memory is replaced") {
  process_test p{{.workers = 1, .per_worker = {.message_bytes = mib}}};
  const std::string wrong =
    "worker lost: it sent RESPONSE in shared memory (type 21, serial 2) with a place that is not "
    "within that memory";
  constexpr auto max = std::numeric_limits<std::uint64_t>::max();
  for (auto at : {process_area::place{0, mib + 1}, {1, mib}, {mib + 1, 0}, {max, 2}, {2, max}})
    CHECK(lost(p, "send_frames", {value::bytes(announcement(at))}) == wrong);
  // No whole pickle is there.
  CHECK(lost(p, "send_frames", {value::bytes(announcement({0, mib}))})
          .starts_with("worker lost: it sent an answer that cannot be decoded: "));
  CHECK(lost(p, "send_frames", {value::bytes(announcement({0, 0}))})
          .starts_with("worker lost: it sent an answer that cannot be decoded: "));
}

TEST_CASE("process pool: an announcement that is no answer, or has another size, is refused") {
  process_test p{{.workers = 1}};
  CHECK(
    lost(p, "send_frames", {value::bytes(frame_of(response_in_memory, 1 << 30, 2))})
    == "worker lost: it sent RESPONSE in shared memory (type 21, serial 2) of 1073741824 bytes, "
       "more than 16");
  CHECK(lost(p, "send_frames", {value::bytes(frame_of(response_in_memory, 3, 2) + "abc")})
          .ends_with("with a place that is not within that memory"));
  CHECK(lost(p, "send_frames", {value::bytes(frame_of(response_in_memory, place_bytes, 9))})
          .ends_with("which is not an answer to its call"));
  CHECK(lost(p, "send_frames", {value::bytes(frame_of(request_in_memory, place_bytes, 2))})
        == "worker lost: it sent REQUEST in shared memory (type 11, serial 2), which is not an "
           "answer to its call");
  CHECK(lost(p, "send_part", {value::bytes(announcement({0, 1}).substr(0, 12))})
        == "worker lost: exit status 0 after half a frame");
}

TEST_CASE("process pool: answers without shared memory are refused if messages are small") {
  process_test p{{.workers = 1, .per_worker = {.message_bytes = 1'000}}};
  CHECK(lost(p, "send_frames", {value::bytes(announcement({0, 1}))})
          .ends_with("with a place that is not within that memory"));
}

TEST_CASE("process pool: a worker that changes an answer while it is read harms only its call") {
  process_test p{{.workers = 1}};
  auto area = static_cast<std::int64_t>(area_bytes(process_limits{}.message_bytes));
  for (int i = 0; i < 5; ++i)
    CHECK(lost(p, "scribble", {value::bytes(announcement({0, mib})), area})
            .starts_with("worker lost: it sent an answer that cannot be decoded: "));
}

TEST_CASE("process pool: descriptors that a worker sends are not left in the pool") {
  auto before = count_descriptors();
  {
    process_test p{{.workers = 1}};
    for (std::int64_t count : {1, 16}) {
      p.check_works();
      auto with_pool = count_descriptors();
      CHECK(lost(p, "send_descriptors", {value::bytes(announcement({1, 0}, 3)), count})
              .starts_with("worker lost: it sent an answer that cannot be decoded: "));
      p.check_works();
      CHECK(count_descriptors() == with_pool);
      ::kill(static_cast<pid_t>(from_value<std::int64_t>(p.call("pid").value()).value()), SIGKILL);
    }
  }
  CHECK(count_descriptors() == before);
}

TEST_CASE(
  "process pool: workers that are killed while large messages cross fail only their calls") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=", seed);
  std::mt19937_64 random{seed};
  auto before = count_descriptors();
  std::size_t answered = 0, killed = 0;
  {
    process_test p{{.workers = 2}};
    value large = value::bytes(text(8 * mib));
    for (int i = 0; i < 30; ++i) {
      auto pid = from_value<std::int64_t>(p.call("pid").value()).value();
      std::vector<outcome> all;
      for (int j = 0; j < 3; ++j) all.push_back(p.start("echo", {large}));
      if (random() % 2 == 0) CHECK(p.call("add", {1, 2}));
      for (auto spins = random() % 2'000'000; spins > 0; --spins) asm volatile("");
      ::kill(static_cast<pid_t>(pid), SIGKILL);
      for (auto& o : all) {
        auto r = ended(o);
        if (r) CHECK(*r == large);
        else CHECK(r.error().message == "worker lost: signal 9 (SIGKILL)");
        ++(r ? answered : killed);
      }
    }
    p.check_works();
  }
  CHECK(answered >= 30);
  CHECK(killed <= 30);
  CHECK(count_descriptors() == before);
}

TEST_CASE("process pool: a worker without memory for large arguments fails the call and lives on") {
  process_test p{{.workers = 1, .per_worker = {.memory_bytes = std::size_t{1} << 30}}};
  auto pid = p.call("pid").value();
  CHECK(p.call("fill_memory"));
  auto r = p.call("echo", {std::string(32 * mib, 'x')});
  REQUIRE_FALSE(r);
  CHECK(to_string(r.error()).starts_with("MemoryError"));
  CHECK(p.call("pid").value() == pid);
}

TEST_CASE("process pool: a worker without memory for the frame of its arguments is lost") {
  process_test p{{.workers = 1, .per_worker = {.memory_bytes = std::size_t{1} << 30}}};
  CHECK(p.call("fill_all_memory"));
  p.check_lost(p.start("echo", {std::string(large_message - 100, 'x')}), "exit status 1");
}

TEST_CASE("process pool: the memory that is shared does not count towards a worker's limit") {
  process_test p{
    {.workers = 1,
     .per_worker = {.memory_bytes = std::size_t{1} << 30, .message_bytes = std::size_t{2} << 30}}};
  CHECK(p.call("allocate", {700}));
  auto failed = p.call("allocate", {1'100});
  REQUIRE_FALSE(failed);
  CHECK(to_string(failed.error()).starts_with("MemoryError"));
  auto v = value::bytes(text(3 * mib));
  CHECK(p.call("echo", {v}).value() == v);
}

TEST_CASE("process pool: large messages cross to confined workers") {
  process_test p{{.workers = 1, .per_worker = {.refuse_system_calls = true}}};
  auto v = value::bytes(text(3 * mib));
  CHECK(p.call("echo", {v}).value() == v);
}
