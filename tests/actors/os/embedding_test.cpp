// The library in a program that is started with little.
#include <doctest/doctest.h>

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
