// The ways to register functions and to name them.
#include <iostream>

#include <patio/patio.hpp>

namespace geometry {
double norm(double x, double y) { return x * x + y * y; }
} // namespace geometry

std::int64_t sub(std::int64_t a, std::int64_t b) { return a - b; }

int main() {
  patio::registry rpc{{.project = "example"}};
  rpc.add<&geometry::norm>(); // registered as "example.geometry.norm"
  rpc.add("sub(a, b)", sub);  // callers may use keyword arguments
  rpc.add("difference", sub); // one function may have several names
  // This function takes *args and **kwargs.
  rpc.add("count", [](patio::args xs, patio::kwargs named) { return xs.size() + named.size(); });
  // This function may keep the reply and answer at any later time.
  rpc.add("later", [](patio::reply_to<std::int64_t> reply, std::int64_t x) { reply.answer(x); });

  for (const auto& name : rpc.names()) std::cout << name << rpc.find(name)->signature << '\n';

  patio::system_config config;
  caf::actor_system sys{config};
  // The broker locks the registry: no function can be added afterwards.
  auto broker = patio::spawn_memory_broker(sys, patio::spawn_async_pool(sys, rpc));
  std::cout << patio::call<std::int64_t>(broker, {"sub", {}, {{"b", 2}, {"a", 44}}}).get() << '\n';
  try {
    (void)patio::call(broker, "sub", 1, "two").get();
  } catch (const patio::call_error& e) {
    std::cout << e.what() << '\n';
  }
}
