// These tests cover dicts with keys that a struct's fields do not name.
#include <doctest/doctest.h>

#include <patio/functions/registry.hpp>
#include <patio/python_values.hpp>

using patio::from_value;
using patio::value;

namespace {

struct place {
  std::int64_t x = 0;
  std::int64_t y = 0;
  std::optional<std::string> label;
  friend bool operator==(const place&, const place&) = default;
};
struct cube {
  std::int64_t x = 0, y = 0, z = 0;
  friend bool operator==(const cube&, const cube&) = default;
};
struct route {
  place from;
  std::vector<place> stops;
};
struct settings { ///< of a program that newer peers may send more to
  std::int64_t size = 0;
  std::optional<place> at;
  friend bool operator==(const settings&, const settings&) = default;
};
struct nothing {};
struct parcel {
  std::int64_t id = 0;
};
struct lenient_parcel {
  std::int64_t id = 0;
  friend bool operator==(const lenient_parcel&, const lenient_parcel&) = default;
};

template <class T>
std::string why_not(const value& v) {
  auto r = from_value<T>(v);
  if (r) return "accepted";
  CHECK(r.error().code == patio::errc::undecodable);
  return r.error().message;
}

value at(std::int64_t x, std::int64_t y) { return value::dict({{"x", x}, {"y", y}}); }
value misspelt() { return value::dict({{"x", 1}, {"y", 2}, {"lable", "here"}}); }
const std::string reason = "must not have the key 'lable', but only 'x', 'y' and 'label'";

value object_with(const char* name, value attributes) {
  return value::object({.module = "shop", .name = name, .state = std::move(attributes)});
}

} // namespace

template <>
inline constexpr auto patio::fields<place> = std::tuple{
  patio::field{"x", &place::x}, patio::field{"y", &place::y}, patio::field{"label", &place::label}};
template <>
inline constexpr auto patio::fields<cube> =
  std::tuple{patio::field{"x", &cube::x}, patio::field{"y", &cube::y}, patio::field{"z", &cube::z}};
template <>
inline constexpr auto patio::fields<route> =
  std::tuple{patio::field{"from", &route::from}, patio::field{"stops", &route::stops}};
template <>
inline constexpr auto patio::fields<settings> =
  std::tuple{patio::field{"size", &settings::size}, patio::field{"at", &settings::at}};
template <>
inline constexpr bool patio::ignore_unknown_keys<settings> = true;
template <>
inline constexpr auto patio::fields<nothing> = std::tuple{};
template <>
inline constexpr auto patio::fields<parcel> = std::tuple{patio::field{"id", &parcel::id}};
template <>
inline constexpr auto patio::python_class<parcel> = patio::class_path{"shop", "Parcel"};
template <>
inline constexpr auto patio::fields<lenient_parcel> =
  std::tuple{patio::field{"id", &lenient_parcel::id}};
template <>
inline constexpr auto patio::python_class<lenient_parcel> = patio::class_path{"shop", "Parcel"};
template <>
inline constexpr bool patio::ignore_unknown_keys<lenient_parcel> = true;

TEST_CASE(
  "convert: a key that no field has is refused, and the error names it and the known ones") {
  CHECK(why_not<place>(misspelt()) == reason);
  CHECK(why_not<place>(value::dict({{"x", 1}, {"y", 2}, {"", 3}}))
        == "must not have the key '', but only 'x', 'y' and 'label'");
  CHECK(why_not<place>(value::dict({{"X", 1}, {"y", 2}}))
        == "must not have the key 'X', but only 'x', 'y' and 'label'");
  CHECK(why_not<parcel>(object_with("Parcel", value::dict({{"id", 1}, {"note", 2}})))
        == "must not have the attribute 'note', but only 'id'");
  CHECK(why_not<nothing>(at(1, 2)) == "must not have the key 'x', nor any other");
  CHECK(why_not<nothing>(value::dict({})) == "accepted");
}

TEST_CASE("convert: a key that is no text is unknown, even if it equals or prints like a field") {
  CHECK(why_not<place>(value::dict({{"x", 1}, {"y", 2}, {7, 3}}))
        == "must not have the key 7, but only 'x', 'y' and 'label'");
  CHECK(why_not<place>(value::dict({{value::bytes("x"), 1}, {"x", 1}, {"y", 2}}))
        == "must not have the key b'x', but only 'x', 'y' and 'label'");
  CHECK(why_not<place>(value::dict({{value{}, 1}, {"x", 1}, {"y", 2}}))
        == "must not have the key None, but only 'x', 'y' and 'label'");
}

TEST_CASE("convert: the error quotes an unknown key and cuts a long one") {
  auto with = [](const std::string& key) {
    return why_not<place>(value::dict({{"x", 1}, {"y", 2}, {value{key}, 3}}));
  };
  CHECK(with("two\nlines").find("the key 'two\\nlines', but") != std::string::npos);
  CHECK(with(std::string(1'000'000, 'k')).size() < 200);
}

TEST_CASE("convert: an unknown key is named rather than the member that is missing without it") {
  CHECK(why_not<place>(value::dict({{"x", 1}, {"Y", 2}}))
        == "must not have the key 'Y', but only 'x', 'y' and 'label'");
  CHECK(why_not<place>(value::dict({{"x", 1}})) == ".y is missing");
}

TEST_CASE("convert: an unknown key is refused in structs within structs and containers") {
  CHECK(why_not<route>(value::dict({{"from", misspelt()}, {"stops", value::list({})}}))
        == ".from " + reason);
  CHECK(why_not<route>(
          value::dict({{"from", at(1, 2)}, {"stops", value::list({at(1, 2), misspelt()})}}))
        == ".stops[1] " + reason);
  CHECK(why_not<std::map<std::string, place>>(value::dict({{"a", misspelt()}}))
        == "['a'] " + reason);
  CHECK(why_not<std::optional<place>>(misspelt()) == reason);
  CHECK(why_not<std::pair<int, place>>(value::tuple({1, misspelt()})) == "[1] " + reason);
  CHECK(why_not<std::array<place, 1>>(value::list({misspelt()})) == "[0] " + reason);
  patio::ordered_dict<std::string, place> ordered;
  auto entry =
    value::object({.module = "collections", .name = "OrderedDict", .entries = {{"a", misspelt()}}});
  CHECK(why_not<decltype(ordered)>(entry) == "['a'] " + reason);
}

TEST_CASE(
  "convert: a variant takes the struct that has all the keys, not the first that has some") {
  using either = std::variant<place, cube>;
  auto three = value::dict({{"x", 1}, {"y", 2}, {"z", 3}});
  CHECK(from_value<either>(three) == either{cube{1, 2, 3}});
  CHECK(from_value<either>(at(1, 2)) == either{place{1, 2, {}}});
  CHECK(why_not<either>(misspelt())
        == reason + ", or must not have the key 'lable', but only 'x', 'y' and 'z'");
  CHECK(why_not<std::variant<std::int64_t, place>>(misspelt()) == reason);
  CHECK(why_not<either>(7) == "must be dict or dict, not int");
}

TEST_CASE("convert: ignore_unknown_keys holds for its struct and not for the structs within it") {
  CHECK(from_value<settings>(value::dict({{"size", 1}, {"color", "red"}, {9, 9}}))
        == settings{1, {}});
  CHECK(why_not<settings>(value::dict({{"color", "red"}})) == ".size is missing");
  CHECK(why_not<settings>(value::dict({{"size", 1}, {"at", misspelt()}})) == ".at " + reason);
  CHECK(from_value<std::vector<settings>>(value::list({value::dict({{"size", 1}, {"new", 2}})}))
        == std::vector{settings{1, {}}});
  CHECK(from_value<lenient_parcel>(object_with("Parcel", value::dict({{"id", 1}, {"note", 2}})))
        == lenient_parcel{1});
}

TEST_CASE("function: an argument with an unknown key is a TypeError that names argument and key") {
  patio::registry rpc;
  rpc.add("go", [](const place& p) { return p.x; });
  rpc.add("tour", [](const std::vector<place>& all) { return all.size(); });
  auto raised = [&](const char* name, value argument) {
    auto& run = std::get<patio::immediate_function>(rpc.find(name)->run);
    auto r = run({{std::move(argument)}, {}});
    REQUIRE_FALSE(r);
    return to_string(r.error());
  };
  CHECK(raised("go", misspelt()).starts_with("TypeError: "));
  CHECK(raised("go", misspelt()).find(reason) != std::string::npos);
  CHECK(raised("tour", value::list({misspelt()})).find("[0] " + reason) != std::string::npos);
}
