// Measures how long the codec takes to read and to write pickles. The program codec_rows.py passes
// the pickles in a file, and compares the times with CPython's.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <patio/pickle/pickle.hpp>

namespace {

using clock_type = std::chrono::steady_clock;

/// Runs `work` for at least 20 ms and returns the nanoseconds of one run.
template <class Work>
double nanoseconds(Work work) {
  constexpr std::chrono::duration<double, std::nano> shortest = std::chrono::milliseconds{20};
  for (long runs = 1;; runs *= 2) {
    auto begin = clock_type::now();
    for (long i = 0; i < runs; ++i) work();
    std::chrono::duration<double, std::nano> taken = clock_type::now() - begin;
    if (taken >= shortest) return taken.count() / static_cast<double>(runs);
  }
}

/// Prints the shortest of a few times for reading and for writing.
template <class Read, class Write>
void print(Read read, Write write) {
  constexpr int repeats = 5;
  double reading = nanoseconds(read), writing = nanoseconds(write);
  for (int i = 1; i < repeats; ++i) {
    reading = std::min(reading, nanoseconds(read));
    writing = std::min(writing, nanoseconds(write));
  }
  std::cout << reading << ' ' << writing << '\n';
}

void require(bool ok) {
  if (!ok) std::abort();
}

} // namespace

int main(int count, char** words) {
  std::string form = count == 3 ? words[1] : "";
  if (form != "call" && form != "value") {
    std::cerr << "usage: codec_rows call|value FILE\n";
    return 2;
  }
  std::ifstream file{words[2], std::ios::binary};
  std::string pickle{std::istreambuf_iterator<char>{file}, {}}, out;
  if (form == "call") {
    auto call = patio::read_call_request(pickle);
    require(call.has_value());
    print([&] { require(patio::read_call_request(pickle).has_value()); },
          [&] {
            out.clear();
            require(patio::write_call_request(*call, out).has_value());
          });
  } else {
    auto v = patio::read_pickle(pickle);
    require(v.has_value());
    print([&] { require(patio::read_pickle(pickle).has_value()); },
          [&] {
            out.clear();
            require(patio::write_pickle(*v, out).has_value());
          });
  }
}
