#include <patio/convert/convert.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

using patio::from_value;
using patio::to_value;
using patio::value;

namespace {

template <class T>
std::string why_not(const value& v) {
  auto r = from_value<T>(v);
  return r ? "accepted" : r.error().message;
}

/// Returns whether a value becomes this Python value, and comes back equal.
template <class T>
bool survives(const T& x, const value& expected) {
  return identical(to_value(x), expected) && from_value<T>(expected) == x;
}

} // namespace

TEST_CASE("convert: sequences become lists, and are also read from tuples") {
  auto list = value::list({1, 2, 3});
  CHECK(survives(std::vector{1, 2, 3}, list));
  CHECK(survives(std::deque{1, 2, 3}, list));
  CHECK(survives(std::list{1, 2, 3}, list));
  CHECK(survives(std::array{1, 2, 3}, list));
  CHECK(survives(std::vector{true, false}, value::list({true, false})));
  CHECK(survives(std::vector<int>{}, value::list({})));
  CHECK(from_value<std::vector<int>>(value::tuple({1, 2})) == std::vector{1, 2});
}

TEST_CASE("convert: an array accepts only its own length") {
  CHECK(why_not<std::array<int, 3>>(value::list({1, 2})) == "must have 3 items, not 2");
  CHECK(why_not<std::array<int, 0>>(value::list({1})) == "must have 0 items, not 1");
  CHECK(why_not<std::array<int, 2>>(7) == "must be list, not int");
}

TEST_CASE("convert: tuples become tuples, and are also read from lists of their length") {
  CHECK(survives(std::tuple{1, std::string{"a"}, 2.5}, value::tuple({1, "a", 2.5})));
  CHECK(survives(std::pair{1, std::string{"a"}}, value::tuple({1, "a"})));
  CHECK(survives(std::tuple<>{}, value::tuple({})));
  CHECK(survives(std::tuple<std::tuple<int>>{std::tuple{1}}, value::tuple({value::tuple({1})})));
  CHECK(from_value<std::pair<int, int>>(value::list({1, 2})) == std::pair{1, 2});
  CHECK(why_not<std::pair<int, int>>(value::tuple({1})) == "must have 2 items, not 1");
  CHECK(why_not<std::tuple<>>(value::tuple({1})) == "must have 0 items, not 1");
  CHECK(why_not<std::pair<int, int>>(value::tuple({"a", "b"})) == "[0] must be int, not str");
  CHECK(why_not<std::pair<int, int>>(1) == "must be tuple, not int");
}

TEST_CASE("convert: sets become sets, and are also read from frozensets but not from lists") {
  CHECK(survives(std::set{1, 2}, value::set({1, 2})));
  CHECK(from_value<std::unordered_set<int>>(value::frozenset({1, 2})) == std::unordered_set{1, 2});
  CHECK(to_value(std::unordered_set{1}) == value::set({1}));
  CHECK(why_not<std::set<int>>(value::list({1})) == "must be set, not list");
  CHECK(why_not<std::set<int>>(value::set({1, "b"})) == "an item must be int, not str");
}

TEST_CASE("convert: a key that Python cannot hash throws on the way to Python") {
  CHECK_THROWS_AS((void)to_value(std::set<std::vector<int>>{{1}}), std::invalid_argument);
  CHECK_THROWS_AS((void)to_value(std::map<std::vector<int>, int>{{{1}, 1}}), std::invalid_argument);
}

TEST_CASE("convert: maps become dicts with typed keys and values") {
  CHECK(
    survives(std::map<std::string, int>{{"a", 1}, {"b", 2}}, value::dict({{"a", 1}, {"b", 2}})));
  CHECK(survives(std::unordered_map<int, std::string>{{1, "x"}}, value::dict({{1, "x"}})));
  CHECK(survives(std::map<std::pair<int, int>, bool>{{{1, 2}, true}},
                 value::dict({{value::tuple({1, 2}), true}})));
  CHECK(why_not<std::map<std::string, int>>(value::dict({{1, 1}})) == "key 1 must be str, not int");
  CHECK(why_not<std::map<std::string, int>>(value::dict({{"a", "b"}}))
        == "['a'] must be int, not str");
  CHECK(why_not<std::map<std::string, int>>(value::list({})) == "must be dict, not list");
}

TEST_CASE("convert: byte vectors become bytes, and are also read from bytearrays") {
  std::vector<unsigned char> chars{0, 1, 255};
  CHECK(survives(chars, value::bytes({"\x00\x01\xff", 3})));
  CHECK(survives(std::vector<std::byte>{std::byte{7}}, value::bytes("\x07")));
  CHECK(survives(std::array<std::byte, 2>{std::byte{7}, std::byte{8}}, value::bytes("\x07\x08")));
  CHECK(survives(std::vector<unsigned char>{}, value::bytes("")));
  CHECK(from_value<std::vector<unsigned char>>(value::bytearray("a"))
        == std::vector<unsigned char>{'a'});
  CHECK(why_not<std::vector<unsigned char>>("text") == "must be bytes, not str");
  CHECK(why_not<std::vector<std::byte>>(value::list({1})) == "must be bytes, not list");
  CHECK(survives(std::vector<signed char>{1, -1}, value::list({1, -1}))); // numbers, not bytes
  CHECK(patio::converter<std::array<std::byte, 2>>::name() == "bytes");
}

TEST_CASE("convert: errors name the path to the wrong item") {
  using table = std::map<std::string, std::vector<std::pair<int, std::optional<double>>>>;
  auto bad = value::dict({{"k", value::list({value::tuple({1, {}}), value::tuple({2, "x"})})}});
  CHECK(why_not<table>(bad) == "['k'][1][1] must be float, not str");
  auto good = value::dict({{"k", value::list({value::tuple({1, {}}), value::tuple({2, 2.5})})}});
  CHECK(survives(table{{"k", {{1, {}}, {2, 2.5}}}}, good));
}

TEST_CASE("convert: a set and a list of a million items come back complete") {
  std::vector<int> numbers(1'000'000);
  for (int i = 0; i < 1'000'000; ++i) numbers[static_cast<std::size_t>(i)] = i;
  CHECK(from_value<std::vector<int>>(to_value(numbers)) == numbers);
  std::set<int> set(numbers.begin(), numbers.end());
  CHECK(from_value<std::set<int>>(to_value(set)) == set);
}

TEST_CASE("convert: a value that expands too far is refused before it is copied") {
  value text{std::string(std::size_t{1} << 20, 'x')};
  auto laughs = value::list(std::vector<value>(300, text));
  constexpr auto why =
    "must be smaller: it takes more than 256 MiB when its shared parts are expanded";
  CHECK(why_not<std::vector<std::string>>(laughs) == why);
  CHECK(why_not<std::variant<int, std::list<std::string>>>(laughs) == why);
  CHECK(why_not<std::map<std::string, std::vector<std::string>>>(value::dict({{"k", laughs}}))
        == why);
  CHECK(
    from_value<std::vector<std::string>>(value::list(std::vector<value>(3, text))).value().size()
    == 3);
  CHECK(from_value<value>(laughs).value().identity() == laughs.identity()); // a value is not copied
}

TEST_CASE(
  "convert: hash tables refuse keys that were chosen to collide, and ordered tables accept them") {
  constexpr std::int64_t count = 2'000;
  std::unordered_set<std::int64_t> table;
  for (std::int64_t i = 0; i < count; ++i) table.insert(i);
  std::vector<value> items;
  std::vector<patio::dict_entry> entries;
  for (std::int64_t i = 0; i < count; ++i) {
    items.emplace_back(i * static_cast<std::int64_t>(table.bucket_count()));
    entries.emplace_back(items.back(), value{});
  }
  auto set = value::set(items), dict = value::dict(entries);
  constexpr auto why = "must not have more than 100 keys that collide in a hash table";
  CHECK(why_not<std::unordered_set<std::int64_t>>(set) == why);
  CHECK(why_not<std::unordered_map<std::int64_t, value>>(dict) == why);
  CHECK(from_value<std::set<std::int64_t>>(set).value().size() == count);
  CHECK(from_value<std::map<std::int64_t, value>>(dict).value().size() == count);
  CHECK(from_value<std::unordered_set<std::int64_t>>(to_value(table)).value() == table);
}
