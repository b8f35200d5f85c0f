/// Shared by the fuzz targets: a reader for the bytes of an input, and a check that reports to
/// libFuzzer.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Aborts the process if the condition does not hold, so that libFuzzer keeps the input. `property`
/// ends the sentence "it does not hold that ...".
inline void require(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "fuzz: it does not hold that %s\n", property);
  std::abort();
}

/// Reads numbers and texts from an input. At the end of the input, numbers are 0 and texts are
/// shorter.
class fuzz_input {
public:
  fuzz_input(const std::uint8_t* data, std::size_t size)
      : rest_{reinterpret_cast<const char*>(data), size} {}

  [[nodiscard]] bool empty() const noexcept { return rest_.empty(); }
  [[nodiscard]] std::uint8_t byte() {
    auto taken = text(1);
    return taken.empty() ? 0 : static_cast<std::uint8_t>(taken.front());
  }
  [[nodiscard]] std::string_view text(std::size_t length) {
    auto taken = rest_.substr(0, length);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  [[nodiscard]] std::string_view rest() { return text(rest_.size()); }

private:
  std::string_view rest_;
};
