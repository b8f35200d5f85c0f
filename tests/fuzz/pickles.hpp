/// How the first byte of an input to the targets of the codec says what to read the rest as.
#pragma once

#include <patio/pickle/pickle.hpp>

#include "fuzz.hpp"

/// None, or all that a node can be told to carry: Python's own, and a class of the user's. Made
/// once, as an input takes microseconds.
[[nodiscard]] inline const patio::python_types& types_of(bool added) {
  static const patio::python_types none,
    all = patio::python_types::standard().add("shop.models", "Order");
  return added ? all : none;
}

struct pickle_reading {
  enum class form : std::uint8_t { value, value_or_unknown_exception, call } as;
  const patio::python_types& types;
  patio::pickle_limits limits;

  explicit pickle_reading(std::uint8_t first)
      : as{static_cast<form>(first % 3)}, types{types_of((first & 0x40) != 0)} {
    if (first < 0x80) return;
    // Small enough for small inputs to meet them.
    limits = {.bytes = 400,
              .nodes = 40,
              .memo_entries = 10,
              .memory_bytes = 2'000,
              .integer_bytes = 8,
              .integer_digits = 12,
              .compared_bytes = 60};
  }
  [[nodiscard]] patio::unknown_class unknown() const {
    return as == form::value ? patio::unknown_class::refuse : patio::unknown_class::as_exception;
  }
};

/// Whether to do with a value what costs as much as all that it expands to. What is over the limit
/// is refused at once, and must be; up to it, 256 MiB, it may take its time, which is not to be
/// spent here.
[[nodiscard]] inline bool is_worth_walking(const patio::value& v) {
  return v.weight() <= 1 << 16 || v.weight() > patio::value::expansion_limit;
}
