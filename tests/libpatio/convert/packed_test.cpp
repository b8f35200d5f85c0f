#include <patio/convert/packed.hpp>

#include <bit>
#include <cstring>

#include <doctest/doctest.h>

#include <patio/functions/registry.hpp>
#include <patio/value/repr.hpp>

using patio::from_value;
using patio::packed;
using patio::to_value;
using patio::value;

namespace {

template <class T>
value bytes_of(const std::vector<T>& numbers) {
  return value::bytes({reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(T)});
}

template <class T>
std::string why_not(const value& v) {
  auto x = from_value<T>(v);
  return x ? "accepted" : x.error().message;
}

template <class T>
std::vector<T> numbers_of(const value& v) {
  auto read = from_value<packed<T>>(v).value();
  auto all = read.numbers();
  return {all.begin(), all.end()};
}

std::vector<double> many(std::size_t count) {
  std::vector<double> all(count);
  for (std::size_t i = 0; i < count; ++i) all[i] = static_cast<double>(i) + 0.5;
  return all;
}

/// An array as a big-endian machine pickles it.
value big_endian() {
  return value::object(
    {.module = "array", .name = "array", .args = {"h", 5, value::bytes({"\x01\x02", 2})}});
}

std::string called(const patio::registry& rpc, const char* name, value argument) {
  auto r = std::get<patio::immediate_function>(rpc.find(name)->run)({{std::move(argument)}, {}});
  return r ? *patio::repr(*r) : to_string(r.error());
}

} // namespace

TEST_CASE("packed: numbers become an array.array, and bytes become bytes") {
  CHECK(*patio::repr(to_value(packed{std::vector{1.0, -2.5}})) == "array('d', [1.0, -2.5])");
  CHECK(*patio::repr(to_value(packed{std::vector<std::int64_t>{}})) == "array('q')");
  CHECK(*patio::repr(to_value(packed{std::vector<std::uint8_t>{7}})) == "array('B', [7])");
  CHECK(identical(to_value(packed{std::vector{std::byte{7}}}), value::bytes("\x07")));
}

TEST_CASE("packed: an array, bytes, a bytearray and a list of numbers are accepted") {
  for (std::size_t count : {0U, 1U, 2U, 3U, 20U, 1000U}) {
    auto all = many(count);
    CHECK(numbers_of<double>(to_value(packed{all})) == all);
    CHECK(numbers_of<double>(bytes_of(all)) == all);
    CHECK(numbers_of<double>(value::bytearray(bytes_of(all).data())) == all);
    CHECK(numbers_of<double>(to_value(all)) == all);
  }
  CHECK(numbers_of<std::int16_t>(value::tuple({1, -2})) == std::vector<std::int16_t>{1, -2});
}

TEST_CASE("packed: the numbers of an array and of bytes are not copied") {
  auto array = to_value(packed{many(1000)});
  const auto* data = array.as_object().args[2].data().data();
  auto read = from_value<packed<double>>(array).value();
  CHECK(reinterpret_cast<const char*>(read.numbers().data()) == data);
  auto bytes = bytes_of(many(1000));
  read = from_value<packed<double>>(bytes).value();
  CHECK(reinterpret_cast<const char*>(read.numbers().data()) == bytes.data().data());
  auto moved = std::move(read);
  bytes = value{};
  CHECK(moved.numbers()[999] == 999.5);
}

TEST_CASE("packed: numbers that are not aligned are copied") {
  auto text = std::string(4096, 'x');
  for (std::size_t size = 8; size < 200; size += 8) {
    auto read = from_value<packed<double>>(value::bytes(text.substr(0, size))).value();
    CHECK(reinterpret_cast<std::uintptr_t>(read.numbers().data()) % alignof(double) == 0);
    CHECK(read.numbers().size() == size / 8);
  }
}

TEST_CASE("packed: an error names the typecode, the size or the byte order") {
  CHECK(why_not<packed<double>>(to_value(packed{std::vector<int>{1}}))
        == "must be array('d'), bytes or list, not array('i')");
  CHECK(why_not<packed<double>>("text") == "must be array('d'), bytes or list, not str");
  CHECK(why_not<packed<double>>(value::bytes("123456789"))
        == "must have a multiple of 8 bytes, not 9");
  CHECK(why_not<packed<double>>(value::list({1.0, "x"})) == "[1] must be float, not str");
  CHECK(why_not<packed<std::byte>>("text") == "must be bytes, bytearray or array, not str");
  if constexpr (std::endian::native == std::endian::little)
    CHECK(why_not<packed<std::int16_t>>(big_endian())
          == "must be an array from a machine with the byte order of this one");
}

TEST_CASE("packed: a vector of numbers takes an array of any numbers, in any byte order") {
  CHECK(from_value<std::vector<double>>(to_value(packed{std::vector<std::int8_t>{1, -2}}))
        == std::vector{1.0, -2.0});
  CHECK(from_value<std::vector<std::int64_t>>(big_endian()) == std::vector<std::int64_t>{0x102});
  CHECK(why_not<std::vector<std::int8_t>>(to_value(packed{std::vector{1, 300}}))
        == "[1] must be int in the range -128 to 127");
  CHECK(why_not<std::vector<std::int64_t>>(to_value(packed{std::vector{1.5}}))
        == "[0] must be int, not float");
}

TEST_CASE("packed: a function may take a span, and its signature says what Python may send") {
  patio::registry rpc;
  rpc.add("sum(xs)", [](std::span<const double> xs) {
    double sum = 0;
    for (auto x : xs) sum += x;
    return sum;
  });
  rpc.add("size(data)", [](std::span<const std::byte> data) { return data.size(); });
  CHECK(rpc.find("sum")->signature == "(xs: array('d')) -> float");
  CHECK(rpc.find("size")->signature == "(data: bytes) -> int");
  CHECK(called(rpc, "sum", to_value(packed{many(100)})) == "5000.0");
  CHECK(called(rpc, "sum", value::list({1, 2.5})) == "3.5");
  CHECK(called(rpc, "sum", "x")
        == "TypeError: sum() argument 'xs' must be array('d'), bytes or list, not str");
  CHECK(called(rpc, "size", to_value(packed{many(100)})) == "800");
  CHECK(called(rpc, "size", value::bytearray("abc")) == "3");
}
