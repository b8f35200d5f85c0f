// The main function of the fuzz targets without libFuzzer: runs every file of the folders and files given, in the order of their names.
#include <algorithm>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

std::vector<std::filesystem::path> files_of(const std::filesystem::path& place) {
  if (!std::filesystem::is_directory(place)) return {place};
  std::vector<std::filesystem::path> all{std::filesystem::directory_iterator{place}, {}};
  std::sort(all.begin(), all.end());
  return all;
}

bool run(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  if (!in) return false;
  // Behind a copy of just this size the sanitizer sees a read past the end.
  std::vector<std::uint8_t> input{bytes.begin(), bytes.end()};
  input.shrink_to_fit();
  LLVMFuzzerTestOneInput(input.data(), input.size());
  return true;
}

} // namespace

int main(int argc, char** argv) try {
  std::size_t ran = 0;
  for (const auto& place : std::vector<std::string>{argv + 1, argv + argc})
    for (const auto& file : files_of(place)) {
      std::clog << file.filename().string() << '\n'; // the last line names the culprit, should it crash
      if (!run(file)) throw std::runtime_error{"cannot read " + file.string()};
      ++ran;
    }
  std::cout << "replayed " << ran << " inputs\n";
  return ran > 0 ? 0 : 1;
} catch (const std::exception& e) {
  std::cerr << "replay: " << e.what() << '\n';
  return 1;
}
