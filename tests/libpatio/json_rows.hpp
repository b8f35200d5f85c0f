/// Reads a file of recorded data in tests/data, with one JSON object on each line. Throws
/// std::runtime_error for a file that is missing or empty.
#pragma once

#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

[[nodiscard]] inline std::vector<nlohmann::json> json_rows(const std::string& file) {
  std::ifstream in{PATIO_TEST_DATA "/" + file};
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(in, line);) rows.push_back(nlohmann::json::parse(line));
  if (rows.empty()) throw std::runtime_error{"tests/data/" + file + " is missing or empty"};
  return rows;
}
