// A module as a user writes it. VERSION tells two builds apart.
#include <chrono>
#include <cstdint>
#include <string>

#include <unistd.h>

#include <patio/module.hpp>

namespace {

std::int64_t add(std::int64_t a, std::int64_t b) { return a + b; }

std::int64_t check_age(std::int64_t age) {
  if (age < 0) throw patio::python_error{"ValueError", {"an age is not negative"}};
  return age;
}

/// Computes for so long, and returns the version that it began with.
std::int64_t compute(std::int64_t milliseconds) {
  auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds{milliseconds};
  while (std::chrono::steady_clock::now() < end) {}
  return VERSION;
}

/// A dict that the module has made, and whose keys the command looks up.
patio::value scores() {
  return patio::value::dict({{"ada", 7}, {"a name that does not fit into a value", 8}});
}

} // namespace

void patio_module(patio::registry& functions) {
  functions.add("add", add, {.parameters = {"a", "b"}, .quick = true});
  functions.add("check_age", check_age, {.parameters = {"age"}});
  functions.add("scores", scores);
  functions.add("compute", compute);
  functions.add("version", [] { return std::int64_t{VERSION}; });
  functions.add("process", [] { return std::int64_t{::getpid()}; });
}
