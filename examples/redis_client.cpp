// Calls the function of redis_server through Redis. Neither side knows the other's address.
#include <cstdlib>
#include <iostream>

#include <patio/patio.hpp>

int main() {
  const char* url = std::getenv("PATIO_BROKER_URL");
  patio::service svc;
  svc.connect(url ? url : "redis://127.0.0.1");
  patio::call_target mul{"mul", {.timeout = std::chrono::seconds{10}}};
  std::cout << "6 times 7 is " << patio::call<std::int64_t>(svc, mul, 6, 7).get() << '\n';
  try {
    patio::call_target nobody{"nobody.serves.it", {.timeout = std::chrono::milliseconds{100}}};
    patio::call<std::int64_t>(svc, nobody).get();
  } catch (const patio::call_error& e) {
    bool is_safe = e.why().remedy == patio::remedy::repetition;
    std::cout << e.what() << (is_safe ? ": safe to repeat" : "") << '\n';
  }
}
