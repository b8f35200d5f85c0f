#include <patio/functions/python_error.hpp>

#include <doctest/doctest.h>

#include <new>
#include <stdexcept>
#include <system_error>

using patio::errc;
using patio::error;
using patio::value;

namespace {

struct library_error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Returns what Python would print for the exception that `f` throws.
template <class F>
std::string seen_as(F f) {
  try {
    f();
  } catch (...) {
    auto e = patio::current_exception_error();
    CHECK(e.code == errc::remote_error);
    CHECK(e.exception.kind() == patio::kind::exception);
    return to_string(e);
  }
  return "nothing thrown";
}

} // namespace

TEST_CASE("python_error: arrives as the exception that it names") {
  CHECK(seen_as([] { throw patio::python_error{"KeyError", {"k"}}; }) == "KeyError: 'k'");
  CHECK(seen_as([] {
          throw patio::python_error{value::exception("builtins.ValueError", {1, 2})};
        })
        == "ValueError: (1, 2)");
  patio::python_error e{"ValueError", {"bad"}};
  CHECK(std::string{e.what()} == "ValueError: bad");
  CHECK(e.exception() == value::exception("builtins.ValueError", {"bad"}));
}

TEST_CASE("current_exception_error: standard exceptions become their Python counterparts") {
  CHECK(seen_as([] { throw std::bad_alloc{}; }) == "MemoryError: std::bad_alloc");
  CHECK(seen_as([] { throw std::bad_array_new_length{}; })
        == "MemoryError: std::bad_array_new_length");
  CHECK(seen_as([] { throw std::out_of_range{"at 7"}; }) == "IndexError: at 7");
  CHECK(seen_as([] { throw std::overflow_error{"too much"}; }) == "OverflowError: too much");
  CHECK(seen_as([] { throw std::invalid_argument{"bad"}; }) == "ValueError: bad");
  CHECK(seen_as([] { throw std::domain_error{"negative"}; }) == "ValueError: negative");
}

TEST_CASE("current_exception_error: any other exception is a RuntimeError that names its type") {
  CHECK(seen_as([] { throw std::runtime_error{"oops"}; })
        == "RuntimeError: std::runtime_error: oops");
  CHECK(seen_as([] { throw library_error{"lib"}; })
        == "RuntimeError: (anonymous namespace)::library_error: lib");
  CHECK(seen_as([] { throw 7; }) == "RuntimeError: a C++ exception that is not a std::exception");
  CHECK(seen_as([] { throw "text"; })
        == "RuntimeError: a C++ exception that is not a std::exception");
  CHECK(seen_as([] {
          throw std::system_error{ENOENT, std::generic_category()};
        })
        == "RuntimeError: std::system_error: No such file or directory");
}

TEST_CASE("call_error: the failure of a call inside a function passes on unchanged") {
  CHECK(seen_as([] {
          throw patio::call_error{{errc::timeout, "calling 'f'", {}}};
        })
        == "TimeoutError: calling 'f'");
  CHECK(seen_as([] {
          throw patio::call_error{
            patio::remote_error(value::exception("builtins.KeyError", {"k"}))};
        })
        == "KeyError: 'k'");
  patio::call_error e{{errc::no_route, "'f'", {}}};
  CHECK(std::string{e.what()} == "nobody serves this name: 'f'");
  CHECK(e.why().code == errc::no_route);
}
