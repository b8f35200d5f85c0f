// Every type that converts to a value may be in a message, without a macro of the user's: as an
// argument and as a result of typed actors and of remote functions.
#include <doctest/doctest.h>

#include <caf/binary_deserializer.hpp>
#include <caf/binary_serializer.hpp>

#include <patio/patio.hpp>
#include <patio/python_values.hpp>

#include "nodes.hpp"

using namespace patio;
using namespace patio::tests;
using namespace std::chrono_literals;

namespace {

struct spot {
  std::int64_t x = 0;
  std::string label;
  friend bool operator==(const spot&, const spot&) = default;
};
struct tree { ///< holds others of its own type
  std::int64_t size = 0;
  std::vector<tree> branches;
  friend bool operator==(const tree&, const tree&) = default;
};
enum class color : std::uint8_t { red, green };
/// A class with a converter, without a default constructor.
struct temperature {
  explicit temperature(double k) : kelvin{k} {}
  double kelvin;
  friend auto operator<=>(const temperature&, const temperature&) = default;
};

const spot here{1, "here"}, there{2, "there"};

} // namespace

template <>
inline constexpr auto patio::fields<spot> =
  std::tuple{patio::field{"x", &spot::x}, patio::field{"label", &spot::label}};
template <>
inline constexpr auto patio::fields<tree> =
  std::tuple{patio::field{"size", &tree::size}, patio::field{"branches", &tree::branches}};

template <>
struct patio::converter<color> {
  static value to(color c) { return c == color::red ? "red" : "green"; }
  static result<color> from(const value& v) {
    if (v == value{"red"}) return color::red;
    if (v == value{"green"}) return color::green;
    return fail(errc::undecodable, "must be 'red' or 'green'");
  }
  static std::string name() { return "str"; }
};
template <>
struct patio::converter<temperature> {
  static value to(const temperature& t) { return t.kelvin; }
  static result<temperature> from(const value& v) {
    return from_value<double>(v).map([](double k) { return temperature{k}; });
  }
  static std::string name() { return "float"; }
};

namespace {

/// Serves a typed actor that echoes a T, and calls it as a remote function: the T is in the
/// messages to the remote function, to the actor and back.
template <class T>
void check_travels(const T& sample) {
  system_config config;
  caf::actor_system system{config};
  auto actor = spawn_function(system, [](T x) { return x; });
  registry rpc;
  rpc.add("echo", actor);
  auto broker = spawn_memory_broker(system, spawn_async_pool(system, rpc));
  CAPTURE(converter<T>::name());
  auto check = [&](const result<T>& answer) {
    REQUIRE(answer);
    CHECK((*answer == sample));
  };
  check(ask<T>(actor, sample));
  check(ask<T>(remote<T(T)>(broker, "echo"), sample));
  CHECK_FALSE(to_string(caf::make_message(sample)).empty()); // what CAF logs of a message
  shut_down(broker);
}

template <class T>
constexpr bool caf_serializes = !caf::allowed_unsafe_message_type<T>::value;

} // namespace

TEST_CASE("message types: structs with fields, alone and in each standard container") {
  check_travels(here);
  check_travels(std::vector{here, there});
  check_travels(std::deque{here, there});
  check_travels(std::list{here});
  check_travels(std::array{here, there});
  check_travels(std::map<std::string, spot>{{"a", here}});
  check_travels(std::unordered_map<std::string, spot>{{"a", here}, {"b", there}});
}

TEST_CASE("message types: optionals, pairs, tuples and variants") {
  check_travels(std::optional{here});
  check_travels(std::optional<spot>{});
  check_travels(std::optional{7});
  check_travels(std::pair{7, here});
  check_travels(std::tuple{here, std::string{"text"}, 1.5});
  check_travels(std::tuple<>{});
  check_travels(std::variant<std::int64_t, spot>{here});
  check_travels(std::monostate{});
}

TEST_CASE("message types: containers within containers, and structs that hold themselves") {
  check_travels(std::vector<std::optional<std::map<std::string, std::vector<spot>>>>{
    {}, std::map<std::string, std::vector<spot>>{{"a", {here, there}}}});
  check_travels(std::map<std::int64_t, std::pair<std::optional<spot>, std::set<std::string>>>{
    {1, {here, {"b"}}}});
  check_travels(std::tuple{std::tuple{std::vector{std::optional{here}}}});
  check_travels(std::vector<std::variant<std::monostate, std::vector<spot>>>{std::monostate{},
                                                                             std::vector{here}});
  check_travels(tree{1, {tree{2, {}}, tree{3, {tree{4, {}}}}}});
  check_travels(std::vector{tree{1, {tree{2, {}}}}});
}

TEST_CASE("message types: durations, enumerations and classes with a converter of their own") {
  check_travels(1500ms);
  check_travels(std::vector{1s, 2s});
  check_travels(std::optional{90min});
  check_travels(std::map<std::string, std::chrono::duration<double>>{{"a", 0.5s}});
  check_travels(color::green);
  check_travels(std::vector{color::red, color::green});
  check_travels(std::optional{color::green});
  check_travels(std::map<color, spot>{{color::red, here}});
  check_travels(temperature{300});
  check_travels(std::vector{temperature{300}});
  check_travels(std::pair{temperature{1}, std::optional{temperature{2}}});
  check_travels(std::set{temperature{1}, temperature{2}});
  check_travels(std::unordered_set{color::red, color::green});
}

TEST_CASE("message types: values, numbers and bytes of every kind") {
  check_travels(value::list({1, "a"}));
  check_travels(std::vector{value{1}, value{"a"}});
  check_travels(std::optional{value{1}});
  check_travels(integer{2}.pow(100));
  check_travels(std::vector{integer{2}.pow(100)});
  check_travels(std::complex{1.0, 2.0});
  check_travels(std::vector{true, false});
  check_travels(std::optional{std::vector{true}});
  check_travels(std::vector<unsigned char>{1, 2});
  check_travels(std::vector<std::byte>{std::byte{1}});
  check_travels(std::optional{std::vector<std::byte>{std::byte{1}}});
}

TEST_CASE("message types: times, dates and the classes of <patio/python_values.hpp>") {
  using std::chrono::sys_days;
  auto day = std::chrono::year{2026} / 11 / 30;
  std::chrono::sys_time<std::chrono::microseconds> moment{sys_days{day}};
  check_travels(moment);
  check_travels(std::optional{moment});
  check_travels(day);
  check_travels(std::vector{day});
  check_travels(std::pair{timedelta{1ms}, decimal{"1.50"}});
  check_travels(std::vector{uuid{}});
  check_travels(std::optional{ordered_dict<std::string, spot>{{{"a", here}}}});
}

TEST_CASE("message types: several arguments of a callable that runs as an actor") {
  system_config config;
  caf::actor_system system{config};
  using all = std::vector<std::optional<spot>>;
  using named = std::map<std::string, spot>;
  registry rpc;
  rpc.add("join", [](caf::event_based_actor*, all items, named more) {
    for (const auto& [name, s] : more) items.emplace_back(s);
    return items;
  });
  auto broker = spawn_memory_broker(system, spawn_async_pool(system, rpc));
  auto join = remote<all(all, named)>(broker, "join");
  auto joined = ask<all>(join, all{here, {}}, named{{"there", there}});
  REQUIRE(joined);
  CHECK((*joined == all{here, {}, there}));
  shut_down(broker);
}

TEST_CASE("message types: CAF goes on serializing the types that it can serialize itself") {
  static_assert(caf_serializes<std::int64_t> && caf_serializes<std::string>);
  static_assert(caf_serializes<std::vector<std::map<std::string, double>>>);
  static_assert(caf_serializes<std::tuple<int, std::chrono::milliseconds, color>>);
  static_assert(!caf_serializes<spot> && !caf_serializes<std::vector<spot>>);
  static_assert(!caf_serializes<std::pair<int, std::optional<int>>>);
  system_config config;
  caf::actor_system system{config};
  auto sent = std::map<std::string, std::vector<std::int64_t>>{{"a", {1, 2}}}, read = sent;
  read.clear();
  caf::binary_serializer::container_type bytes;
  caf::binary_serializer sink{system, bytes};
  CHECK_FALSE(sink(sent));
  caf::binary_deserializer source{system, bytes};
  CHECK_FALSE(source(read));
  CHECK(read == sent);
}

TEST_CASE("message types: a result with an unknown key ends the call as undecodable") {
  system_config config;
  caf::actor_system system{config};
  registry rpc;
  auto wrong = value::dict({{"x", 1}, {"label", "l"}, {"colour", "red"}});
  rpc.add("one", [wrong] { return wrong; });
  rpc.add("many", [wrong] { return value::list({wrong}); });
  auto broker = spawn_memory_broker(system, spawn_async_pool(system, rpc));
  const std::string reason = "must not have the key 'colour', but only 'x' and 'label'";
  auto one = failure(call<spot>(broker, "one"));
  CHECK(one.code == errc::undecodable);
  CHECK(one.message == "the result " + reason);
  auto many = ask<std::vector<spot>>(remote<std::vector<spot>()>(broker, "many"), caf::unit);
  REQUIRE_FALSE(many);
  CHECK(many.error().code == errc::undecodable);
  CHECK(many.error().message.find("[0] " + reason) != std::string::npos);
  shut_down(broker);
}
