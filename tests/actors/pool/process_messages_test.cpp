// The handshake of a process pool and a worker, without processes.
#include <doctest/doctest.h>

#include <patio/actors/pool/process_messages.hpp>

using namespace patio;

namespace {

registry two_functions() {
  registry rpc;
  rpc.add("f", [](std::int64_t n) { return n; });
  rpc.add("g", [] {});
  return rpc;
}

worker_hello hello_of(const registry& rpc) {
  return {.digest = digest_of(rpc), .functions = signatures_of(rpc)};
}

} // namespace

TEST_CASE("process_messages: settings and hello arrive as they were sent") {
  worker_settings settings{.digest = std::string(32, '\xff'),
                           .limits = {.memory_bytes = 1 << 30,
                                      .cpu_time = std::chrono::seconds{7},
                                      .niceness = 5,
                                      .no_new_privileges = false,
                                      .refuse_system_calls = true,
                                      .paths = process_paths{{"/a", "\xff b"}, {"/c"}},
                                      .message_bytes = 77}};
  auto s = read_settings(write_settings(settings));
  REQUIRE(s);
  CHECK(s->version == worker_protocol_version);
  CHECK(s->digest == settings.digest);
  CHECK(s->limits.memory_bytes == std::size_t{1} << 30);
  CHECK(s->limits.cpu_time == std::chrono::seconds{7});
  CHECK(s->limits.niceness == 5);
  CHECK_FALSE(s->limits.no_new_privileges);
  CHECK(s->limits.refuse_system_calls);
  REQUIRE(s->limits.paths);
  CHECK(s->limits.paths->readable == std::vector<std::string>{"/a", "\xff b"});
  CHECK(s->limits.paths->writable == std::vector<std::string>{"/c"});
  CHECK(s->limits.message_bytes == 77);
  auto h = read_hello(write_hello({.digest = "d", .functions = {{"f", "()"}}, .failure = "why"}));
  REQUIRE(h);
  CHECK(h->digest == "d");
  CHECK(h->functions == std::vector{std::pair<std::string, std::string>{"f", "()"}});
  CHECK(h->failure == "why");
}

TEST_CASE("process_messages: a place in shared memory arrives as it was sent") {
  process_area::place at{std::uint64_t{1} << 40, 77};
  CHECK(read_place(write_place(at)) == at);
  CHECK_FALSE(read_place(""));
  CHECK_FALSE(read_place(write_place(at).substr(1)));
  CHECK_FALSE(read_place(write_place(at) + "x"));
}

TEST_CASE("process_messages: the weight of all arguments decides whether a call is large") {
  value half = std::string(large_message / 2, 'x');
  CHECK_FALSE(is_large(half));
  CHECK_FALSE(is_large(arguments{{half, 1}, {}}));
  CHECK(is_large(arguments{{half, half}, {}}));
  CHECK(is_large(arguments{{half}, {{"name", half}}}));
  CHECK(is_large(value{std::string(large_message, 'x')}));
  CHECK(area_bytes(large_message - 1) == 0);
  CHECK(area_bytes(large_message) == large_message);
  CHECK(area_bytes(std::size_t{1} << 40) == largest_area);
}

TEST_CASE("process_messages: every prefix of a hello, and any other pickle, is refused") {
  auto whole = write_hello(hello_of(two_functions()));
  for (std::size_t length = 0; length < whole.size(); ++length)
    CHECK_FALSE(read_hello(std::string_view{whole}.substr(0, length)));
  CHECK(read_hello("\x80\x05N.").error().message == "the handshake has no valid dict");
  CHECK(read_hello("\x80\x05}.").error().message == "the handshake has no valid version");
}

TEST_CASE("process_messages: a worker with the same functions in another order is accepted") {
  registry turned;
  turned.add("g", [] {});
  turned.add("f", [](std::int64_t n) { return n; });
  CHECK_FALSE(reason_to_refuse(hello_of(turned), two_functions()));
}

TEST_CASE("process_messages: a worker with other functions or another version is refused by name") {
  registry missing, more = two_functions(), other;
  missing.add("f", [](std::int64_t n) { return n; });
  more.add("h", [] {});
  other.add("f", [](std::string n) { return n; });
  other.add("g", [] {});
  auto why = [](const worker_hello& h) {
    return reason_to_refuse(h, two_functions()).value_or("nothing");
  };
  CHECK(why(hello_of(missing))
        == "the worker program has other functions: it lacks the function "
           "'g()'");
  CHECK(why(hello_of(more))
        == "the worker program has other functions: it has the function 'h()', "
           "which this program lacks");
  CHECK(why(hello_of(other))
        == "the worker program has other functions: it has 'f(arg1: str) -> "
           "str', and this program has 'f(arg1: int) -> int'");
  auto later = hello_of(two_functions());
  later.version = worker_protocol_version + 1;
  CHECK(why(later)
        == "the worker program speaks version 4 of the worker protocol, and this program "
           "speaks version 3");
}
