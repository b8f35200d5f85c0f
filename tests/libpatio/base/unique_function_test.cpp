#include <patio/base/unique_function.hpp>

#include <doctest/doctest.h>

#include <array>
#include <memory>
#include <string>

using patio::unique_function;

namespace {

/// Counts its living copies, and has a size of its own choice.
template <std::size_t Size>
struct counted {
  explicit counted(int& living) : living_{&living} { ++*living_; }
  counted(counted&& other) noexcept : living_{other.living_}, called_{other.called_} { ++*living_; }
  counted(const counted&) = delete;
  ~counted() { --*living_; }
  int operator()(int n) { return called_ += n; }

private:
  int* living_;
  int called_ = 0;
  std::array<char, Size> rest_{};
};

template <std::size_t Size>
void check_life() {
  int living = 0;
  {
    unique_function<int(int)> f{counted<Size>{living}};
    CHECK(living == 1);
    CHECK(f(2) == 2);
    unique_function<int(int)> g{std::move(f)};
    CHECK_FALSE(f);
    CHECK(living == 1);
    CHECK(g(3) == 5); // the state has moved along
    f = std::move(g);
    CHECK(living == 1);
    CHECK(f(1) == 6);
    g = unique_function<int(int)>{counted<Size>{living}};
    CHECK(living == 2);
    f = std::move(g);
    CHECK(living == 1);
    CHECK(f(1) == 1);
  }
  CHECK(living == 0);
}

} // namespace

TEST_CASE("unique_function: a callable is destroyed once, whether stored inside or on the heap") {
  check_life<1>();
  check_life<48>();
  check_life<200>();
}

TEST_CASE("unique_function: an empty function is false, and a callable need not be copyable") {
  unique_function<std::string(std::string)> f;
  CHECK_FALSE(f);
  f = [text = std::make_unique<std::string>("a")](std::string more) { return *text + more; };
  REQUIRE(f);
  CHECK(f("b") == "ab");
  f = nullptr;
  CHECK_FALSE(f);
}
