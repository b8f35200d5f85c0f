#include <patio/convert/enumerators.hpp>

#include <map>
#include <string>
#include <variant>

#include <doctest/doctest.h>

using patio::from_value;
using patio::to_value;
using patio::value;

namespace paint {

enum class color : std::uint8_t { red, green, blue = 7 };
enum class answer { yes };
enum level { low = -1, high = 1 }; // NOLINT: an enum without a scope

} // namespace paint

PATIO_ENUM(paint::color, red, green, blue);
PATIO_ENUM(paint::level, low, high);
template <>
inline constexpr auto patio::enumerators<paint::answer> =
  std::array{patio::enumerator<paint::answer>{"Yes!", paint::answer::yes}};

namespace {

using namespace paint;

template <class T>
std::string why_not(const value& v) {
  auto x = from_value<T>(v);
  return x ? "accepted" : x.error().message;
}

} // namespace

TEST_CASE("enumerators: Python gets the name, and may send the name or the number") {
  CHECK(identical(to_value(color::blue), value{"blue"}));
  CHECK(from_value<color>("green") == color::green);
  CHECK(from_value<color>(7) == color::blue);
  CHECK(from_value<level>(-1) == low);
  CHECK(identical(to_value(high), value{"high"}));
  CHECK(identical(to_value(answer::yes), value{"Yes!"}));
  CHECK(from_value<answer>("Yes!") == answer::yes);
}

TEST_CASE("enumerators: a wrong value names the possible ones") {
  CHECK(why_not<color>("pink") == "must be 'red', 'green' or 'blue', not 'pink'");
  CHECK(why_not<color>("Red") == "must be 'red', 'green' or 'blue', not 'Red'");
  CHECK(why_not<color>(2) == "must be 'red' (0), 'green' (1) or 'blue' (7), not 2");
  CHECK(why_not<level>(0) == "must be 'low' (-1) or 'high' (1), not 0");
  CHECK(why_not<color>(7.0) == "must be 'red', 'green' or 'blue', not float");
  CHECK(why_not<color>(false) == "must be 'red', 'green' or 'blue', not bool");
  CHECK(why_not<color>(std::string(1000, 'x')).size() < 200);
}

TEST_CASE("enumerators: a number without a name does not go to Python") {
  CHECK_THROWS_WITH_AS((void)to_value(color{3}),
                       "the enum must be 'red' (0), 'green' (1) or 'blue' (7), not 3",
                       std::invalid_argument);
}

TEST_CASE("enumerators: an enum may be a part of other types") {
  std::map<color, int> counts{{color::red, 1}};
  CHECK(to_value(counts) == value::dict({{"red", 1}}));
  CHECK(from_value<std::map<color, int>>(value::dict({{0, 1}})) == counts);
  using either = std::variant<color, std::string>;
  CHECK(from_value<either>("red") == either{color::red});
  CHECK(from_value<either>("pink") == either{"pink"});
}
