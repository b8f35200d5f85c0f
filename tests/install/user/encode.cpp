// Prints what a pickle of a call of a user's function has, and the version of patio.
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include <patio/core.hpp>
#include <patio/python_values.hpp>
#include <patio/version.hpp>

namespace {

double mean(const std::vector<double>& numbers) {
  double sum = 0;
  for (double number : numbers) sum += number;
  return sum / static_cast<double>(numbers.size());
}

// The exception crosses the boundary of the library, by its type.
bool is_refused(patio::registry& functions) {
  try {
    functions.add("mean", mean);
    return false;
  } catch (const std::logic_error&) {
    return true;
  }
}

} // namespace

int main() {
  patio::registry functions;
  functions.add("mean", mean);

  auto numbers = patio::to_value(std::map<std::string, std::vector<double>>{{"a", {1, 2.5}}});
  std::string pickle;
  if (auto written = patio::write_pickle(numbers, pickle); !written) return 1;
  auto read = patio::read_pickle(pickle).value();
  std::cout << patio::repr(read).value() << (read == numbers ? " is" : " is not") << " the same, "
            << functions.size() << " function, " << (is_refused(functions) ? "no" : "a")
            << " second one\n"
            << PATIO_VERSION << '\n';
}
