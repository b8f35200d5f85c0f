/// Random outcomes of a function, decided by a seed: exceptions, and values of every kind, some of
/// which cannot be sent.
#pragma once

#include <new>
#include <random>
#include <stdexcept>

#include <patio/functions/python_error.hpp>
#include <patio/value/error.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/value.hpp>

namespace patio::tests {

class random_outcomes {
public:
  explicit random_outcomes(std::uint64_t seed) : source_{seed} {}

  [[nodiscard]] std::size_t below(std::size_t n) { return source_() % n; }

  [[nodiscard]] value any(int depth) {
    if (depth > 0 && below(3) == 0) return container(depth);
    if (depth > 0 && below(8) == 0) return exception(depth);
    return leaf();
  }

  /// Returns a value or throws.
  [[nodiscard]] value outcome() {
    switch (below(12)) {
    case 0: throw std::runtime_error{text()};
    case 1: throw std::bad_alloc{};
    case 2: throw static_cast<int>(below(100));
    case 3: throw std::logic_error{text()};
    case 4:
      throw call_error{
        error{static_cast<errc>(1 + below(13)), text(), below(2) == 0 ? value{} : exception(1)}};
    case 5:
    case 6:
    case 7: throw python_error{exception(2)};
    case 8: throw python_error{class_name(), {any(1)}};
    default: return any(3);
    }
  }

  [[nodiscard]] std::string text() {
    static constexpr const char* odd[] = {
      "", "\xff", "\xed\xa0\x80", "a\nb", "caf\xc3\xa9", "\xf0\x9f\x98\x80", "\xc3", "builtins"};
    if (below(3) == 0) return odd[below(std::size(odd))];
    if (below(1000) == 0) return std::string(below(70'000), 'x');
    return std::string(below(30), static_cast<char>('a' + below(26)));
  }

private:
  std::string class_name() {
    static constexpr const char* names[] = {"StopIteration",
                                            "StopAsyncIteration",
                                            "SystemExit",
                                            "KeyboardInterrupt",
                                            "GeneratorExit",
                                            "BaseException",
                                            "UnicodeDecodeError",
                                            "UnicodeEncodeError",
                                            "UnicodeError",
                                            "ExceptionGroup",
                                            "SyntaxError",
                                            "IndentationError",
                                            "TabError",
                                            "OSError",
                                            "BlockingIOError",
                                            "ConnectionResetError",
                                            "TimeoutError",
                                            "KeyError",
                                            "ValueError",
                                            "RuntimeError",
                                            "ImportError",
                                            "ModuleNotFoundError",
                                            "EncodingWarning",
                                            "EnvironmentError",
                                            "range",
                                            "eval",
                                            "HouseError",
                                            "MemoryError",
                                            "AttributeError",
                                            "RecursionError",
                                            "UserWarning",
                                            "NameError",
                                            "IOError",
                                            "CancelledError",
                                            "set"};
    return names[below(std::size(names))];
  }

  value exception(int depth) {
    static constexpr const char* modules[] = {
      "builtins.", "builtins.", "builtins.", "asyncio.exceptions.", "os.", "house.", ""};
    return value::exception(modules[below(std::size(modules))] + class_name(), items(depth - 1, 7),
                            items(0, 3));
  }

  std::vector<value> items(int depth, std::size_t bound) {
    std::vector<value> all(below(bound));
    for (auto& i : all) i = any(depth);
    return all;
  }

  value key() {
    auto v = leaf();
    return v.kind() == kind::bytearray ? value{} : v;
  }

  value container(int depth) {
    std::vector<value> keys(below(5));
    for (auto& k : keys) k = key();
    switch (below(5)) {
    case 0: return value::tuple(items(depth - 1, 5));
    case 1: return value::list(items(depth - 1, 5));
    case 2: return value::set(keys);
    case 3: return value::frozenset(keys);
    default: {
      std::vector<dict_entry> entries;
      for (const auto& k : keys) entries.emplace_back(k, any(depth - 1));
      return value::dict(std::move(entries));
    }
    }
  }

  value leaf() {
    switch (below(10)) {
    case 0: return {};
    case 1: return below(2) == 0;
    case 2: return static_cast<std::int64_t>(source_());
    case 3: return integer{2}.pow(below(300)) - integer{static_cast<std::int64_t>(below(1000))};
    case 4: return static_cast<double>(source_()) / 3;
    case 5: return value::bytes(text());
    case 6: return value::bytearray(text());
    case 7: return value{std::complex{1.5, static_cast<double>(below(9))}};
    default: return value{text()};
    }
  }

  std::mt19937_64 source_;
};

} // namespace patio::tests
