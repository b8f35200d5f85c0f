// The library in a program that is started with little.
#include <doctest/doctest.h>

#include <sys/resource.h>

#include <patio/patio.hpp>

#include "process.hpp"

using namespace patio::tests;

TEST_CASE("log: no line runs into a socket or pipe of a program that is started without standard "
          "descriptors") {
  for (std::string closed : {"<&- >&- 2>&-", "2>&-", "<&- 2>&-", "<&-", ">&- 2>&-"}) {
    CAPTURE(closed);
    CHECK(run({"sh", "-c", "exec \"$0\" " + closed, EMBEDDING_PROGRAM}).code == 0);
  }
}

TEST_CASE("log: a full standard error neither blocks nor ends the program") {
  CHECK(run({"sh", "-c", "exec \"$0\" 2>/dev/full", EMBEDDING_PROGRAM}).code == 0);
}

TEST_CASE("log: the end of a program waits for the reader of its log") {
  auto ended = run({EMBEDDING_PROGRAM});
  CHECK(ended.code == 0);
  CHECK(std::count(ended.err.begin(), ended.err.end(), '\n') == 500);
}

TEST_CASE(
  "spawn_tcp_broker: without a free descriptor it throws, and the message says what to raise") {
  patio::system_config config;
  caf::actor_system sys{config};
  rlimit previous{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &previous) == 0);
  rlimit none{0, previous.rlim_max};
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  std::string why;
  try {
    (void)patio::spawn_tcp_broker(sys, patio::null_executor());
  } catch (const std::system_error& e) {
    why = e.what();
  }
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &previous) == 0);
  CHECK(why.find("RLIMIT_NOFILE") != std::string::npos);
}
