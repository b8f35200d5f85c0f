// Exceptions as CPython pickles them, beside what CPython prints of them.
#include <doctest/doctest.h>

#include <random>

#include "json_rows.hpp"
#include "pickle/testing.hpp"
#include "seed.hpp"

using nlohmann::json;
using patio::unknown_class;
using patio::value;

namespace {

std::vector<std::string> texts_of(std::span<const value> notes) {
  std::vector<std::string> texts;
  for (const auto& note : notes) texts.push_back(to_str(note));
  return texts;
}

/// Returns the exception in the row, also one of which only a part can be decoded.
value exception_of(const json& row) {
  auto v =
    patio::read_pickle(from_hex(row["pickle"].get<std::string>()), {}, unknown_class::as_exception);
  CHECK_MESSAGE(v.has_value() != row.value("salvaged", false),
                (v ? "nothing was salvaged" : v.error().message));
  return v ? *v : v.error().exception;
}

} // namespace

TEST_CASE("exception vectors: each arrives with its class, CPython's text and its notes") {
  for (const auto& row : json_rows("exceptions.jsonl")) {
    auto name = row["name"].get<std::string>();
    CAPTURE(name);
    CAPTURE(row["protocol"].get<int>());
    auto v = exception_of(row);
    REQUIRE(v.kind() == patio::kind::exception);
    CHECK(v.exception_type() == row["type"].get<std::string>());
    if (row.contains("str")) CHECK(to_str(v) == row["str"].get<std::string>());
    else
      for (const auto& words : row["shows"]) {
        CAPTURE(to_str(v));
        CHECK(to_str(v).find(words.get<std::string>()) != std::string::npos);
      }
    if (!row.value("salvaged", false))
      CHECK(texts_of(v.exception_notes()) == row["notes"].get<std::vector<std::string>>());
  }
}

TEST_CASE("exception vectors: each can be passed on to a Python peer, with its text") {
  for (const auto& row : json_rows("exceptions.jsonl")) {
    auto name = row["name"].get<std::string>();
    CAPTURE(name);
    auto v = exception_of(row);
    std::string sent;
    auto done = patio::write_pickle(v, sent);
    REQUIRE_MESSAGE(done, done.error().message);
    auto back = patio::read_pickle(sent); // holds nothing but what any peer accepts
    REQUIRE_MESSAGE(back, back.error().message);
    REQUIRE(back->kind() == patio::kind::exception);
    if (back->exception_type() == v.exception_type() && row.contains("str"))
      CHECK(to_str(*back).ends_with(row["str"].get<std::string>())); // "Class: " for some inside
  }
}

TEST_CASE(
  "exception vectors: random damage is refused or leaves what can be printed and passed on") {
  auto seed = test_seed();
  CAPTURE(seed);
  std::mt19937_64 random{seed};
  std::vector<std::string> pickles;
  for (const auto& row : json_rows("exceptions.jsonl"))
    pickles.push_back(from_hex(row["pickle"].get<std::string>()));
  std::size_t salvaged = 0, refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto pickle = pickles[random() % pickles.size()];
    for (auto changes = 1 + random() % 3; changes > 0; --changes)
      pickle[random() % pickle.size()] = static_cast<char>(random() % 256);
    auto v = patio::read_pickle(pickle, {}, unknown_class::as_exception);
    auto left = v ? *v : v.error().exception;
    refused += v ? 0 : 1;
    salvaged += !v && !left.is_none() ? 1 : 0;
    REQUIRE(left.depth() <= value::max_depth);
    (void)to_str(left);
    auto text = written(left);
    // A text that is not UTF-8 must not leave.
    CHECK((!text.starts_with("refused") || text.find("UTF-8") != std::string::npos));
  }
  CHECK(refused > 1000);
  CHECK(salvaged > 100);
}
