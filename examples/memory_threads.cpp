// A pool of threads runs a hundred concurrent calls within one process.
#include <iostream>

#include <patio/patio.hpp>

int main() {
  patio::registry rpc;
  rpc.add("mul", [](patio::args xs) {
    std::int64_t product = 1;
    for (const auto& x : xs) product *= patio::from_value<std::int64_t>(x).value();
    return product;
  });

  patio::system_config config;
  caf::actor_system sys{config};
  auto broker = patio::spawn_memory_broker(sys, patio::spawn_thread_pool(sys, rpc, {.workers = 4}));

  std::vector<patio::call_future<std::int64_t>> products;
  for (int i = 0; i < 100; ++i)
    products.push_back(patio::call<std::int64_t>(broker, "mul", 1, 2, 3));
  std::int64_t sum = 0;
  for (auto& product : products) sum += product.get();
  std::cout << "100 calls of mul(1, 2, 3) sum up to " << sum << '\n';
}
