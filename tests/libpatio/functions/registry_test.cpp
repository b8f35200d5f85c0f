#include <patio/functions/registry.hpp>

#include <doctest/doctest.h>

#include <stdexcept>

#include <patio/base/digest.hpp>

using patio::registry;
using patio::result;
using patio::value;

namespace geometry {

double norm(double a, double b) { return a * a + b * b; }
double scaled(double a) noexcept { return 2 * a; }
int add(int a, int b) { return a + b; }
std::string add_texts(std::string a, const std::string& b) { return a + b; }
template <class T>
T twice(T t) {
  return t + t;
}
struct tools {
  static int count(std::vector<int> all) { return static_cast<int>(all.size()); }
};

} // namespace geometry

namespace {

int hidden(int a) { return a; }

result<value> call(const registry& r, std::string_view name, std::vector<value> args) {
  const auto* entry = r.find(name);
  REQUIRE(entry);
  return std::get<patio::immediate_function>(entry->run)({std::move(args), {}});
}

} // namespace

TEST_CASE("registry: a function has the name that it is added by") {
  registry r;
  CHECK(r.add("mul", [](int a, int b) { return a * b; }) == "mul");
  CHECK(r.add<geometry::norm>("n") == "n");
  CHECK(call(r, "mul", {6, 7}) == value{42});
  CHECK(call(r, "n", {3, 4}) == value{25.0});
  CHECK(r.names() == std::vector<std::string>{"mul", "n"});
  CHECK(r.size() == 2);
}

TEST_CASE("registry: an automatic name consists of project, namespaces and function") {
  registry plain, project{{.project = "example"}};
  CHECK(plain.add<geometry::norm>() == "geometry.norm");
  CHECK(plain.add<&geometry::add>() == "geometry.add");
  CHECK(plain.add<geometry::scaled>() == "geometry.scaled");
  CHECK(plain.add<geometry::tools::count>() == "geometry.tools.count");
  CHECK(plain.add<geometry::add_texts>() == "geometry.add_texts");
  CHECK(plain.add<hidden>() == "hidden");
  CHECK(project.add<geometry::norm>() == "example.geometry.norm");
  CHECK(project.automatic_name<geometry::add>() == "example.geometry.add");
  CHECK(call(plain, "geometry.tools.count", {value::list({1, 2})}) == value{2});
  CHECK(registry{{.project = ""}}.automatic_name<hidden>() == ".hidden"); // as in Python
}

TEST_CASE("registry: strict names of different signatures differ") {
  registry r{{.project = "p", .strict = true}};
  auto name = r.add<geometry::add>();
  CHECK(name.starts_with("p.geometry.add."));
  CHECK(name.size() == std::string{"p.geometry.add."}.size() + 43);
  CHECK(name == "p.geometry.add." + patio::base64(patio::blake2s("FiiiE", "", "")));
  auto digest = [](const std::string& full) { return full.substr(full.rfind('.')); };
  CHECK(digest(r.automatic_name<geometry::twice<int>>())
        != digest(r.automatic_name<geometry::twice<long>>()));
  CHECK(digest(r.automatic_name<geometry::norm>()) != digest(name));
  // noexcept does not matter to a caller.
  CHECK(digest(r.automatic_name<geometry::scaled>())
        == digest(r.automatic_name<geometry::twice<double>>()));
}

TEST_CASE("registry: without auto_naming a name is required") {
  registry r{{.auto_naming = false}};
  CHECK_THROWS_WITH_AS(r.add<geometry::norm>(),
                       "auto_naming is disabled, name parameter is required",
                       std::invalid_argument);
  CHECK(r.add<geometry::norm>("norm") == "norm");
}

TEST_CASE("registry: one function may have several names") {
  registry r;
  r.add<geometry::norm>("a");
  r.add("b", geometry::norm);
  r.add("c", [](int x) { return x; });
  r.add<geometry::add>("d");
  CHECK(r.names_of<geometry::norm>() == std::vector<std::string>{"a", "b"});
  r.remove("a");
  CHECK(r.names_of<geometry::norm>() == std::vector<std::string>{"b"});
  CHECK(r.names_of<geometry::scaled>().empty());
}

TEST_CASE("registry: a stateless lambda has an identity, and a lambda with state does not") {
  registry r;
  auto stateless = [](int x) { return x; };
  r.add("a", stateless);
  r.add("b", stateless);
  r.add("c", [n = 1](int x) { return x + n; });
  CHECK(r.find("a")->identity);
  CHECK(r.find("a")->identity == r.find("b")->identity);
  CHECK_FALSE(r.find("c")->identity);
}

TEST_CASE("registry: a name can be used only once") {
  registry r;
  r.add("mul", [](int a) { return a; });
  CHECK_THROWS_WITH_AS(r.add("mul", [](int a) { return -a; }),
                       "Task with name 'mul' already registered", std::invalid_argument);
  CHECK(call(r, "mul", {1}) == value{1});
  CHECK(r.size() == 1);
}

TEST_CASE("registry: a name has 1 to 512 bytes of UTF-8") {
  registry r;
  CHECK_THROWS_WITH_AS(r.add("", [] {}), "a function's name must have 1 to 512 bytes, not 0",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(r.add(std::string(513, 'x'), [] {}),
                       "a function's name must have 1 to 512 bytes, not 513",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(r.add("caf\xe9", [] {}), "a function's name must be UTF-8, not 'caf\\udce9'",
                       std::invalid_argument);
  CHECK_NOTHROW(r.add(std::string(512, 'x'), [] {}));
  CHECK_NOTHROW(r.add("caf\u00e9", [] {}));
}

TEST_CASE("registry: a removed name can be used again") {
  registry r;
  r.add("a", [] { return 1; });
  r.add("b", [] { return 2; });
  r.remove("a");
  CHECK(r.find("a") == nullptr);
  CHECK(r.names() == std::vector<std::string>{"b"});
  CHECK_THROWS_WITH_AS(r.remove("a"), "no function 'a' in the registry", std::out_of_range);
  r.add("a", [] { return 3; });
  CHECK(call(r, "a", {}) == value{3});
  CHECK(r.names() == std::vector<std::string>{"b", "a"});
}

TEST_CASE("registry: an unknown name is not found") {
  registry r;
  CHECK(r.find("nope") == nullptr);
  r.add("a", [] { return 1; });
  CHECK(r.find("nope") == nullptr);
  CHECK(r.find("") == nullptr);
}

TEST_CASE("registry: a locked registry can only be read") {
  registry r;
  r.add("a", [] { return 1; });
  CHECK_FALSE(r.is_locked());
  auto handle = r;
  handle.lock();
  CHECK(r.is_locked()); // copies share one table
  CHECK_THROWS_AS(r.add("b", [] {}), std::logic_error);
  CHECK_THROWS_AS(r.add<geometry::norm>(), std::logic_error);
  CHECK_THROWS_AS(r.remove("a"), std::logic_error);
  CHECK(call(r, "a", {}) == value{1});
  r.lock();
}

TEST_CASE("registry: a clone is unlocked and independent") {
  registry r{{.project = "p"}};
  r.add<geometry::norm>();
  r.lock();
  auto copy = r.clone();
  CHECK_FALSE(copy.is_locked());
  CHECK(copy.names() == r.names());
  CHECK(copy.names_of<geometry::norm>() == r.names());
  CHECK(copy.options().project == "p");
  copy.add("more", [] {});
  copy.remove("p.geometry.norm");
  CHECK(r.names() == std::vector<std::string>{"p.geometry.norm"});
  CHECK(call(r, "p.geometry.norm", {1, 1}) == value{2.0});
}

TEST_CASE("registry: a thousand functions are found by name and listed in order") {
  registry r;
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i) names.push_back(r.add("f" + std::to_string(i), [i] { return i; }));
  for (int i = 0; i < 1000; ++i) REQUIRE(call(r, "f" + std::to_string(i), {}) == value{i});
  CHECK(r.names() == names);
}

TEST_CASE("registry: the options that say how a function runs are kept with the function") {
  using namespace std::chrono_literals;
  registry r;
  r.add(
    "f", [] {},
    {.executor = "heavy", .max_concurrency = 2, .timeout = 10s, .priority = patio::priority::high});
  auto policy = r.clone().find("f")->policy;
  CHECK(policy.executor == "heavy");
  CHECK(policy.max_concurrency == 2);
  CHECK(policy.priority == patio::priority::high);
  CHECK(policy.bounded(patio::never, 1s) == 11s);
  CHECK(policy.bounded(5s, 1s) == 5s);
  CHECK(patio::run_policy{}.bounded(5s, 1s) == 5s);
}

TEST_CASE("registry: an option with which no call could run is refused, with the function's name") {
  using namespace std::chrono_literals;
  registry r;
  auto add = [&](patio::function_options options) {
    r.add(
      "f", [] {}, std::move(options));
  };
  CHECK_THROWS_WITH_AS(add({.max_concurrency = 0}),
                       "f(): max_concurrency must be at least 1, not 0: with 0 no call could ever "
                       "run",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(add({.timeout = 0s}),
                       "f(): timeout must be more than 0 s, because with less no call could ever "
                       "run",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(add({.quick = true, .max_concurrency = 1}),
                       "f(): a quick function cannot have max_concurrency, because it runs without "
                       "a queue",
                       std::invalid_argument);
  CHECK(r.size() == 0);
}

TEST_CASE("registry: the executor of a function can be set until the registry is locked") {
  registry r;
  r.add("f", [] {}, {.quick = true});
  r.set_executor("f", "heavy");
  CHECK(r.find("f")->policy.executor == "heavy");
  CHECK_FALSE(r.find("f")->quick);
  CHECK_THROWS_AS(r.set_executor("g", "heavy"), std::out_of_range);
  r.lock();
  CHECK_THROWS_AS(r.set_executor("f", "io"), std::logic_error);
  CHECK(r.shares_table(registry{r}));
  CHECK_FALSE(r.shares_table(r.clone()));
}
