#include <patio/mesh/connection.hpp>

#include <doctest/doctest.h>

using patio::mesh::peer_queues;

TEST_CASE("peer queues: every function belongs to queue 0 unless the peer says otherwise") {
  peer_queues queues;
  CHECK(queues.of("f") == 0);
  queues.replace({{"f", 2}, {"g", patio::protocol::no_queue}});
  CHECK(queues.of("f") == 2);
  CHECK(queues.of("g") == patio::protocol::no_queue);
  CHECK(queues.of("h") == 0);
  CHECK(queues.of("f") == 2);
}

TEST_CASE("peer queues: an empty name has its own queue") {
  peer_queues queues;
  queues.replace({{"", 1}, {"f", 2}});
  CHECK(queues.of("") == 1);
  CHECK(queues.of("f") == 2);
  CHECK(queues.of("") == 1);
}
