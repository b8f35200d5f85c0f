#include <patio/functions/pack_arguments.hpp>

#include <stdexcept>

#include <doctest/doctest.h>

using patio::arguments;
using patio::kw;
using patio::pack_arguments;
using patio::value;

TEST_CASE(
  "pack_arguments: positional arguments come first, then keyword arguments in their order") {
  CHECK(pack_arguments() == arguments{});
  CHECK(pack_arguments(2, "text", std::vector<int>{1})
        == arguments{{2, "text", value::list({1})}, {}});
  CHECK(pack_arguments(2, kw("b", "x"), kw("a", 44.5))
        == arguments{{2}, {{"b", "x"}, {"a", 44.5}}});
  CHECK(pack_arguments(kw("a", std::optional<int>{})) == arguments{{}, {{"a", {}}}});
}

TEST_CASE("pack_arguments: args and kwargs are unpacked") {
  patio::args rest{2, 3};
  patio::kwargs named{{"b", 5}};
  CHECK(pack_arguments(1, rest, 4, kw("a", 6), named)
        == arguments{{1, 2, 3, 4}, {{"a", 6}, {"b", 5}}});
}

TEST_CASE("pack_arguments: a keyword argument occurs once") {
  CHECK_THROWS_WITH_AS((void)pack_arguments(kw("a", 1), kw("a", 2)),
                       "keyword argument repeated: 'a'", std::invalid_argument);
}
