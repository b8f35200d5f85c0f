#include <patio/convert/fields.hpp>

#include <map>
#include <string>
#include <variant>
#include <vector>

#include <doctest/doctest.h>

using patio::from_value;
using patio::to_value;
using patio::value;

namespace shapes {

struct point {
  int x = 0;
  double y = 0;
  friend bool operator==(const point&, const point&) = default;
};

struct circle : point { ///< a member of the base is a field as well
  double radius = 0;
};

struct polygon {
  std::vector<point> corners;
  std::map<std::string, point> named;
  std::optional<point> centre;
  friend bool operator==(const polygon&, const polygon&) = default;
};

struct nothing {};

struct wide {
  int a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9;
  int c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8, d9;
};

} // namespace shapes

PATIO_FIELDS(shapes::point, x, y);
PATIO_FIELDS(shapes::circle, x, y, radius);
PATIO_FIELDS(shapes::polygon, corners, named, centre);
PATIO_FIELDS(shapes::nothing);
PATIO_FIELDS(shapes::wide, a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7,
             b8, b9, c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, d0, d1, d2, d3, d4, d5, d6, d7, d8,
             d9);

namespace {

using namespace shapes;

value at(value x, value y) { return value::dict({{"x", std::move(x)}, {"y", std::move(y)}}); }

template <class T>
std::string why_not(const value& v) {
  auto x = from_value<T>(v);
  return x ? "accepted" : x.error().message;
}

} // namespace

TEST_CASE("fields: PATIO_FIELDS makes a struct a dict with the names of its members as keys") {
  CHECK(identical(to_value(point{1, 2}), at(1, 2.0)));
  CHECK(from_value<point>(at(1, 2)) == point{1, 2});
  CHECK(identical(to_value(nothing{}), value::dict({})));
  circle c{{1, 2}, 3};
  CHECK(to_value(c) == value::dict({{"x", 1}, {"y", 2}, {"radius", 3}}));
  CHECK(from_value<circle>(to_value(c))->radius == 3);
}

TEST_CASE("fields: a struct may have structs and containers of structs as members") {
  polygon p{{{1, 2}, {3, 4}}, {{"top", {5, 6}}}, point{7, 8}};
  CHECK(from_value<polygon>(to_value(p)) == p);
  CHECK(from_value<polygon>(value::dict({{"corners", value::list({})}, {"named", value::dict({})}}))
        == polygon{});
}

TEST_CASE("fields: a struct may have 40 members") {
  wide w{};
  w.d9 = 7;
  auto v = to_value(w);
  CHECK(v.entries().size() == 40);
  CHECK(from_value<wide>(v)->d9 == 7);
}

TEST_CASE("fields: an error names the path to the member") {
  auto with = [](value corner, value named) {
    return value::dict({{"corners", value::list({at(1, 2), std::move(corner)})},
                        {"named", value::dict({{"top", std::move(named)}})}});
  };
  CHECK(why_not<polygon>(with(at("1", 2), at(1, 2))) == ".corners[1].x must be int, not str");
  CHECK(why_not<polygon>(with(at(1, 2), at(1, {}))) == ".named['top'].y must be float, not None");
  CHECK(why_not<polygon>(with(value::dict({{"x", 1}}), at(1, 2))) == ".corners[1].y is missing");
  CHECK(why_not<polygon>(with(at(1, 2), value::dict({{"x", 1}, {"y", 2}, {"z", 3}})))
        == ".named['top'] must not have the key 'z', but only 'x' and 'y'");
  CHECK(why_not<nothing>(7) == "must be dict, not int");
}
