// Serves a function through Redis until SIGINT or SIGTERM. The environment variable
// PATIO_BROKER_URL holds the URL, because it may hold a password.
#include <cstdlib>
#include <iostream>

#include <patio/patio.hpp>

int main() {
  const char* url = std::getenv("PATIO_BROKER_URL");
  patio::service svc{{.functions = {.project = "shop", .auto_naming = false}}};
  svc.add("mul", [](std::int64_t a, std::int64_t b) { return a * b; });
  svc.connect(url ? url : "redis://127.0.0.1");
  std::cout << "connected" << std::endl;
  svc.run();
}
