// Reads one pickle in hexadecimal per line from standard input and writes what the library makes of it: the pickle that
// it writes for the same value, or "refused: " and why. For tests/interop/check_pickles.py.
#include <iostream>
#include <string>

#include <patio/pickle.hpp>

#include "hex.hpp"

namespace {

patio::result<std::string> recode(const std::string& pickle) {
  std::string out;
  if (auto call = patio::read_call_request(pickle)) return patio::write_call_request(*call, out).map([&] { return out; });
  return patio::read_pickle(pickle).and_then([&](const patio::value& v) { return patio::write_pickle(v, out); }).map([&] { return out; });
}

} // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    auto recoded = recode(from_hex(line));
    std::cout << (recoded ? to_hex(*recoded) : "refused: " + recoded.error().message) << '\n';
  }
}
