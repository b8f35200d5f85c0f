// Reads one pickle in hexadecimal per line from standard input. Writes the pickle that the library
// makes of the same value, or "refused: " and the reason. tests/interop/check_pickles.py and
// check_mutations.py run this program.
#include <iostream>
#include <string>

#include <patio/pickle/pickle.hpp>

#include "hex.hpp"

namespace {

// pickle_objects.py defines these classes.
patio::python_types carried() {
  auto types = patio::python_types::standard();
  for (const auto* name : {"Record", "Slotted", "Row", "Tally", "Stack", "Colour", "Money"})
    types.add("pickle_objects", name);
  return types;
}

patio::result<std::string> recode(const std::string& pickle) {
  static const auto types = carried();
  std::string out;
  auto taken = [&] { return out; };
  if (auto call = patio::read_call_request(pickle, {}, types))
    return patio::write_call_request(*call, out, types).map(taken);
  auto v = patio::read_pickle(pickle, {}, patio::unknown_class::refuse, types);
  return v.and_then([&](const patio::value& read) { return patio::write_pickle(read, out, types); })
    .map(taken);
}

} // namespace

int main() {
  std::ios::sync_with_stdio(false);
  for (std::string line; std::getline(std::cin, line);) {
    auto recoded = recode(from_hex(line));
    std::cout << (recoded ? to_hex(*recoded) : "refused: " + recoded.error().message) << '\n';
  }
}
