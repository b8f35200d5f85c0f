// The ways to name a function.
#include <iostream>

#include <patio/patio.hpp>

namespace geometry {
double norm(double x, double y) { return x * x + y * y; }
} // namespace geometry

std::int64_t sub(std::int64_t a, std::int64_t b) { return a - b; }

int main() {
  patio::registry rpc{{.project = "example"}};
  rpc.add<&geometry::norm>();                      // named after the function itself
  rpc.add("sub", sub, {.parameters = {"a", "b"}}); // by a name; callers may use keywords
  rpc.add("difference", sub);                      // one function, several names
  rpc.add("count", [](patio::args xs, patio::kwargs named) {
    return xs.size() + named.size();
  }); // *args, **kwargs
  rpc.add("later", [](patio::reply_to<std::int64_t> answer, std::int64_t x) {
    answer.answer(x);
  }); // answers when it likes

  for (const auto& name : rpc.names()) std::cout << name << rpc.find(name)->signature << '\n';

  patio::system_config config;
  caf::actor_system sys{config};
  auto broker = patio::spawn_memory_broker(
    sys, patio::spawn_async_pool(sys, rpc)); // from here on the registry is locked
  std::cout << patio::call<std::int64_t>(broker, {"sub", {}, {{"b", 2}, {"a", 44}}}).get() << '\n';
  try {
    (void)patio::call(broker, "sub", 1, "two").get();
  } catch (const patio::call_error& e) {
    std::cout << e.what() << '\n';
  }
}
