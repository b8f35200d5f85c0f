#include <patio/mesh/router.hpp>

#include <doctest/doctest.h>

#include <ctime>
#include <map>
#include <set>

#include "seed.hpp"

using patio::connection_id;
using patio::routing;
using patio::mesh::router;

namespace {

constexpr auto idle = [](connection_id) { return 0; };

} // namespace

TEST_CASE("router: a router knows the peers of a name and forgets removed peers") {
  router r;
  r.serve(1, {"a", "b"});
  r.serve(2, {"b", "c"});
  CHECK(r.serves(1, "a"));
  CHECK_FALSE(r.serves(2, "a"));
  CHECK(r.pick("a", routing::least_loaded, idle) == 1);
  CHECK_FALSE(r.pick("d", routing::least_loaded, idle));
  r.remove(1);
  CHECK_FALSE(r.pick("a", routing::least_loaded, idle));
  CHECK(r.pick("b", routing::round_robin, idle) == 2);
  r.remove(2);
  r.remove(2);
  CHECK(r.empty());
}

TEST_CASE("router: a new list of names replaces the old list") {
  router r;
  r.serve(1, {"a", "b"});
  r.serve(1, {"b", "c"});
  CHECK_FALSE(r.serves(1, "a"));
  CHECK(r.serves(1, "b"));
  CHECK(r.serves(1, "c"));
  r.serve(1, {});
  CHECK(r.empty());
}

TEST_CASE("router: round robin picks one peer after another, whatever their load") {
  router r;
  for (connection_id id : {3u, 5u, 7u}) r.serve(id, {"a"});
  std::vector<connection_id> order;
  for (int i = 0; i < 6; ++i)
    order.push_back(
      *r.pick("a", routing::round_robin, [](connection_id id) { return id == 5 ? 1000 : 0; }));
  CHECK(order == std::vector<connection_id>{3, 5, 7, 3, 5, 7});
}

TEST_CASE("router: least loaded always picks the peer with fewer calls out of two peers") {
  router r{test_seed()};
  r.serve(1, {"a"});
  r.serve(2, {"a"});
  for (int i = 0; i < 1000; ++i)
    REQUIRE(r.pick("a", routing::least_loaded, [](connection_id id) { return id == 1 ? 7 : 6; })
            == 2);
}

TEST_CASE("router: an ejected peer among many makes the choice of another peer no slower") {
  for (auto policy : {routing::least_loaded, routing::round_robin}) {
    router r;
    for (connection_id id = 1; id <= 100'000; ++id) r.serve(id, {"a"});
    r.eject(7);
    auto begin = std::clock();
    for (int i = 0; i < 10'000; ++i) REQUIRE(r.pick("a", policy, idle) != 7);
    // A search of all peers for each choice would take several seconds.
    CHECK(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC < 1);
  }
}

TEST_CASE("router: calls go evenly to the usable peers among many") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  for (auto policy : {routing::least_loaded, routing::round_robin})
    for (connection_id usable : {1U, 2U, 20U, 39U}) {
      router r{seed};
      std::map<connection_id, int> load;
      for (connection_id id = 1; id <= 40; ++id) {
        r.serve(id, {"a"});
        if (id > usable && id % 2 == 0) r.eject(id);
        if (id > usable && id % 2 == 1) r.block(id);
      }
      for (int i = 0; i < 100 * static_cast<int>(usable); ++i)
        ++load[*r.pick("a", policy, [&](connection_id id) { return load[id]; })];
      REQUIRE(load.size() == usable);
      for (auto [id, n] : load) {
        CHECK(n > 90);
        CHECK(n < 110);
      }
    }
}

TEST_CASE("router: least loaded balances many peers and never picks the busiest peer") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  router r{seed};
  std::map<connection_id, int> load;
  for (connection_id id = 1; id <= 10; ++id) r.serve(id, {"a"});
  for (int i = 0; i < 10'000; ++i)
    ++load[*r.pick("a", routing::least_loaded, [&](connection_id id) { return load[id]; })];
  for (auto [id, n] : load) {
    CHECK(n > 990);
    CHECK(n < 1010);
  }
  load[4] = 1'000'000;
  for (int i = 0; i < 1000; ++i)
    REQUIRE(r.pick("a", routing::least_loaded, [&](connection_id id) { return load[id]; }) != 4);
}

TEST_CASE("router: an ejected peer is picked only if no other peer serves the name") {
  for (auto how : {routing::round_robin, routing::least_loaded}) {
    router r{test_seed()};
    r.serve(1, {"a", "b"});
    r.serve(2, {"a"});
    r.serve(3, {"a"});
    r.eject(1);
    CHECK(r.is_ejected(1));
    CHECK_FALSE(r.is_ejected(2));
    std::set<connection_id> got;
    for (int i = 0; i < 100; ++i)
      got.insert(*r.pick("a", how, [](connection_id id) { return id == 1 ? 0 : 1'000; }));
    CHECK(got == std::set<connection_id>{2, 3});
    CHECK(r.pick("b", how, idle) == 1);
    r.eject(2);
    CHECK(r.pick("a", how, idle) == 3);
    r.eject(3); // with all peers ejected, all are used
    got.clear();
    for (int i = 0; i < 100; ++i) got.insert(*r.pick("a", how, idle));
    CHECK(got == std::set<connection_id>{1, 2, 3});
    r.readmit(1);
    for (int i = 0; i < 100; ++i) REQUIRE(r.pick("a", how, idle) == 1);
  }
}

TEST_CASE("router: one readmit undoes two ejects, and readmitting a peer that is not ejected has "
          "no effect") {
  router r;
  r.serve(1, {"a"});
  r.serve(2, {"a"});
  r.eject(1);
  r.eject(1);
  r.readmit(2);
  r.readmit(99);
  CHECK(r.pick("a", routing::round_robin, idle) == 2);
  r.readmit(1);
  std::map<connection_id, int> got;
  for (int i = 0; i < 10; ++i) ++got[*r.pick("a", routing::round_robin, idle)];
  CHECK(got == std::map<connection_id, int>{{1, 5}, {2, 5}});
}

TEST_CASE(
  "router: an ejected peer still serves its names, and a new list of names does not readmit it") {
  router r;
  r.serve(1, {"a"});
  r.serve(2, {"a"});
  r.eject(1);
  CHECK(r.serves(1, "a"));
  r.serve(1, {"a", "b"});
  CHECK(r.is_ejected(1));
  CHECK(r.pick("a", routing::round_robin, idle) == 2);
  CHECK(r.pick("b", routing::round_robin, idle) == 1);
  r.remove(2);
  CHECK(r.pick("a", routing::round_robin, idle) == 1);
}

TEST_CASE("router: a router agrees with a model over random changes") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  router r{seed};
  std::map<connection_id, std::set<std::string>> model;
  std::set<connection_id> avoided;
  const std::vector<std::string> names{"a", "b", "c", "d", "e", "f"};
  for (int i = 0; i < 20'000; ++i) {
    connection_id id = random() % 8 + 1;
    if (random() % 5 == 0) {
      if (random() % 2 == 0) r.eject(id), avoided.insert(id);
      else r.readmit(id), avoided.erase(id);
    } else if (random() % 3 == 0) {
      r.readmit(id); // as a node does, because a node never reuses a number
      avoided.erase(id);
      r.remove(id);
      model.erase(id);
    } else {
      std::set<std::string> served;
      for (auto n = random() % 5; n > 0; --n) served.insert(names[random() % names.size()]);
      r.serve(id, {served.begin(), served.end()});
      model[id] = served;
    }
    const auto& name = names[random() % names.size()];
    auto how = random() % 2 == 0 ? routing::round_robin : routing::least_loaded;
    auto picked = r.pick(name, how, idle);
    auto serves = [&](const auto& peer) { return peer.second.contains(name); };
    REQUIRE(picked.has_value() == std::any_of(model.begin(), model.end(), serves));
    if (picked) REQUIRE(model[*picked].contains(name));
    auto better = [&](const auto& peer) { return serves(peer) && !avoided.contains(peer.first); };
    if (picked && std::any_of(model.begin(), model.end(), better))
      REQUIRE_FALSE(avoided.contains(*picked));
    for (const auto& [peer, served] : model) REQUIRE(r.serves(peer, name) == served.contains(name));
  }
}

TEST_CASE("router: removing a peer also removes its ejection") {
  router r;
  r.serve(1, {"a"});
  r.eject(1);
  r.remove(1);
  CHECK_FALSE(r.is_ejected(1));
}
