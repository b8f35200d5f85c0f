#include <doctest/doctest.h>

#include <functional>

#include "json_rows.hpp"
#include "pickle/testing.hpp"
#include "tagged_json.hpp"

using nlohmann::json;
using patio::value;

namespace {

// A failed check shows the row.
void for_each_row(const char* file,
                  const std::function<void(const json& row, const std::string& pickle)>& check) {
  for (const auto& row : json_rows(file)) {
    auto name = row["name"].get<std::string>();
    auto protocol = row.value("protocol", -1);
    CAPTURE(name);
    CAPTURE(protocol);
    check(row, from_hex(row["pickle"].get<std::string>()));
  }
}

bool is_call(const json& row) { return row["value"]["t"] == "call"; }

bool names_an_offset(const std::string& message, std::size_t size) {
  return message.starts_with("byte ") && std::stoull(message.substr(5)) <= size;
}

} // namespace

TEST_CASE("pickle vectors: each line decodes to exactly its value") {
  for_each_row("pickle.jsonl", [](const json& row, const std::string& pickle) {
    if (is_call(row)) {
      REQUIRE(call_refusal(pickle) == "accepted");
      auto call = *patio::read_call_request(pickle);
      CHECK(same_call(call, patio::apps::call_from_tagged(row["value"])));
      CHECK(json::parse(*patio::apps::to_tagged_json(call)) == row["value"]);
    } else {
      REQUIRE(refusal(pickle) == "accepted");
      auto v = *patio::read_pickle(pickle);
      CHECK(identical(v, patio::apps::value_from_tagged(row["value"])));
      CHECK(json::parse(*patio::apps::to_tagged_json(v)) == row["value"]);
    }
  });
}

TEST_CASE("pickle vectors: the pickle written for each line decodes to the same value") {
  for_each_row("pickle.jsonl", [](const json& row, const std::string& pickle) {
    if (is_call(row)) {
      auto call = *patio::read_call_request(pickle);
      CHECK(same_call(*patio::read_call_request(written(call)), call));
    } else if (row["name"]
               != "exc-StopIteration") { // this exception would end a Python peer's worker
      auto v = *patio::read_pickle(pickle);
      CHECK(identical(*patio::read_pickle(written(v)), v));
    }
  });
}

TEST_CASE(
  "pickle vectors: every truncated line is refused, and the error has an offset within it") {
  for_each_row("pickle.jsonl", [](const json& row, const std::string& pickle) {
    if (pickle.size() > 1000) return;
    for (std::size_t size = 0; size < pickle.size(); ++size) {
      auto part = std::string_view{pickle}.substr(0, size);
      CHECK(names_an_offset(is_call(row) ? call_refusal(part) : refusal(part), size));
    }
  });
}

TEST_CASE(
  "pickle vectors: each line of reject.jsonl is refused, and the error has an offset within it") {
  for_each_row("reject.jsonl", [](const json& row, const std::string& pickle) {
    if (row.value("stage", "") == "expand" && refusal(pickle) == "accepted") {
      auto v = *patio::read_pickle(pickle), again = *patio::read_pickle(pickle);
      CHECK(written(v).starts_with("refused: "));
      CHECK_FALSE(patio::repr(v));
      CHECK_FALSE(patio::apps::to_tagged_json(v));
      CHECK_THROWS_AS((void)(v == again), std::length_error);
    } else {
      CHECK(names_an_offset(refusal(pickle), pickle.size()));
      CHECK(names_an_offset(call_refusal(pickle), pickle.size()));
    }
  });
}
