#include <patio/tls.hpp>

#include "tls_fixture.hpp"

using namespace tls_testing;

TEST_CASE("tls: what one side sends the other receives") {
  auto p = open_pair();
  p.client.send("hello");
  p.server.send(std::string(100'000, 'x'));
  run(p.client, p.server);
  CHECK(p.server.plain == "hello");
  CHECK(p.client.plain == std::string(100'000, 'x'));
}
