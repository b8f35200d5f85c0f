#include <doctest/doctest.h>

#include <patio/python_values.hpp>

#include "pickle/testing.hpp"

using namespace std::chrono_literals;
using patio::from_value;
using patio::to_value;
using patio::value;

struct order {
  std::int64_t id = 0;
  std::string item;
  friend bool operator==(const order&, const order&) = default;
};
template <>
inline constexpr auto patio::fields<order> =
  std::tuple{patio::field{"id", &order::id}, patio::field{"item", &order::item}};
template <>
inline constexpr auto patio::python_class<order> = patio::class_path{"shop.models", "Order"};

namespace {

using micro_time = std::chrono::sys_time<std::chrono::microseconds>;
using local_micro_time = std::chrono::local_time<std::chrono::microseconds>;

template <class T>
std::string shown(const T& x) {
  return *patio::repr(to_value(x));
}

template <class T>
bool comes_back(const T& x) {
  return from_value<T>(to_value(x)) == x;
}

constexpr auto day = std::chrono::year{2026} / 11 / 23;

} // namespace

TEST_CASE("python_values: times, dates and durations become objects of datetime") {
  micro_time t{std::chrono::sys_days{day} + 1h + 2min + 3s + 4us};
  CHECK(shown(t) == "datetime.datetime(2026, 11, 23, 1, 2, 3, 4, tzinfo=datetime.timezone.utc)");
  CHECK(shown(local_micro_time{t.time_since_epoch()})
        == "datetime.datetime(2026, 11, 23, 1, 2, 3, 4)");
  CHECK(shown(day) == "datetime.date(2026, 11, 23)");
  CHECK(shown(std::chrono::hh_mm_ss{1h + 5us}) == "datetime.time(1, 0, 0, 5)");
  CHECK(shown(patio::timedelta{-1us})
        == "datetime.timedelta(days=-1, seconds=86399, microseconds=999999)");
  CHECK((comes_back(t) && comes_back(local_micro_time{t.time_since_epoch()}) && comes_back(day)
         && comes_back(patio::timedelta{-90min})));
  CHECK(comes_back(micro_time{std::chrono::sys_days{std::chrono::year{1} / 1 / 1}}));
  CHECK(
    comes_back(micro_time{std::chrono::sys_days{std::chrono::year{9999} / 12 / 31} + 24h - 1us}));
  CHECK_THROWS_AS((void)to_value(std::chrono::sys_days{std::chrono::year{10000} / 1 / 1}),
                  std::out_of_range);
  CHECK_THROWS_AS((void)to_value(std::chrono::sys_days{std::chrono::year{0} / 12 / 31}),
                  std::out_of_range);
  CHECK_THROWS_AS((void)to_value(std::chrono::year{2026} / 2 / 30), std::out_of_range);
}

TEST_CASE("python_values: an aware datetime in any timezone is the same moment, and a naive "
          "datetime is refused") {
  auto zone = value::object(
    {.module = "datetime", .name = "timezone", .args = {to_value(patio::timedelta{1h})}});
  auto bytes =
    to_value(local_micro_time{std::chrono::sys_days{day}.time_since_epoch()}).as_object().args[0];
  auto there = value::object({.module = "datetime", .name = "datetime", .args = {bytes, zone}});
  CHECK(from_value<micro_time>(there) == micro_time{std::chrono::sys_days{day} - 1h});
  CHECK(from_value<local_micro_time>(there).error().message
        == "must be naive datetime.datetime, not an aware one");
  auto naive = value::object({.module = "datetime", .name = "datetime", .args = {bytes}});
  CHECK(from_value<micro_time>(naive).error().message
        == "must be aware datetime.datetime, not a naive one");
  CHECK(from_value<micro_time>(to_value(day)).error().message
        == "must be aware datetime.datetime, not datetime.date");
}

TEST_CASE("python_values: a timedelta converts to a number of seconds, and a number of seconds to "
          "a timedelta") {
  CHECK(from_value<std::chrono::milliseconds>(to_value(patio::timedelta{1500ms})) == 1500ms);
  CHECK(from_value<patio::timedelta>(1.5) == patio::timedelta{1500ms});
  CHECK(to_value(1500ms).kind() == patio::kind::real);
}

TEST_CASE("python_values: Decimal, UUID and OrderedDict come back") {
  CHECK(shown(patio::decimal{"-1.50"}) == "Decimal('-1.50')");
  CHECK(comes_back(patio::decimal{"1E+3"}));
  CHECK_THROWS_AS(patio::decimal{"abc"}, std::invalid_argument);
  patio::uuid u;
  for (std::uint8_t i = 0; i < 16; ++i) u.bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
  CHECK(shown(u) == "UUID('f0f1f2f3-f4f5-f6f7-f8f9-fafbfcfdfeff')");
  CHECK((comes_back(u) && comes_back(patio::uuid{})));
  patio::ordered_dict<std::string, int> d{{{"b", 1}, {"a", 2}}};
  CHECK(shown(d) == "OrderedDict([('b', 1), ('a', 2)])");
  CHECK(comes_back(d));
  CHECK(from_value<patio::decimal>("1").error().message == "must be decimal.Decimal, not str");
}

TEST_CASE("python_values: a struct with a Python class becomes an object with attributes") {
  order o{7, "lamp"};
  CHECK(shown(o) == "<shop.models.Order {'id': 7, 'item': 'lamp'}>");
  CHECK(comes_back(o));
  CHECK(from_value<order>(value::dict({{"id", 7}})).error().message
        == "must be shop.models.Order, not dict");
  auto wrong = value::object(
    {.module = "shop.models", .name = "Order", .state = value::dict({{"id", "x"}, {"item", "y"}})});
  CHECK(from_value<order>(wrong).error().message == ".id must be int, not str");
}

TEST_CASE("python_values: the converter refuses an object that only claims to be a datetime") {
  auto bad =
    value::object({.module = "datetime", .name = "datetime", .args = {value::bytes("0123456789")}});
  CHECK(from_value<micro_time>(bad).error().message
        == "must be aware datetime.datetime, not datetime.datetime");
  CHECK(patio::repr(bad) == "<datetime.datetime (b'0123456789',)>");
}
