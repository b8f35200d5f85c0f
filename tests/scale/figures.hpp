/// The figures of a run: memory and processor time of this process, and one line of JSON.
#pragma once

#include <cstdint>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <string>

#include <malloc.h>
#include <unistd.h>

namespace patio::scale {

/// Returns the processor time of this process in seconds.
[[nodiscard]] inline double processor_seconds() {
  timespec t{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

/// Returns the bytes that the program has allocated and not freed, with malloc's own overhead.
[[nodiscard]] inline double allocated_bytes() {
  auto m = ::mallinfo2();
  return static_cast<double>(m.uordblks + m.hblkhd);
}

/// Returns the resident memory of this process in bytes.
[[nodiscard]] inline double resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

/// Collects named numbers and prints them as one JSON object.
class figures {
public:
  explicit figures(const std::string& kind) : text_{"{\"kind\":\"" + kind + "\""} {}

  void add(const std::string& name, double number) {
    char digits[40];
    std::snprintf(digits, sizeof digits, "%.6g", number);
    text_ += ",\"" + name + "\":" + digits;
  }
  void print() const {
    std::printf("%s}\n", text_.c_str());
    std::fflush(stdout);
  }

private:
  std::string text_;
};

} // namespace patio::scale
