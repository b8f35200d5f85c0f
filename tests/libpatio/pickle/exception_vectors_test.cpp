// Exceptions as CPython pickles them, beside what CPython prints of them.
#include <doctest/doctest.h>

#include "json_rows.hpp"
#include "pickle/testing.hpp"

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
