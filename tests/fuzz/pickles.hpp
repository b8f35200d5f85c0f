/// The first byte of an input to the codec's fuzz targets says how to read the rest.
#pragma once

#include <patio/pickle/pickle.hpp>

#include "fuzz.hpp"

/// Returns no types, or all types that a node can carry: Python's classes and a class of the
/// user's. They are made once, because an input takes only microseconds.
[[nodiscard]] inline const patio::python_types& types_of(bool with_classes) {
  static const patio::python_types none,
    all = patio::python_types::standard().add("shop.models", "Order");
  return with_classes ? all : none;
}

struct pickle_reading {
  enum class form : std::uint8_t { value, value_or_unknown_exception, call } as;
  const patio::python_types& types;
  patio::pickle_limits limits;

  explicit pickle_reading(std::uint8_t first)
      : as{static_cast<form>(first % 3)}, types{types_of((first & 0x40) != 0)} {
    if (first < 0x80) return;
    // Small inputs reach these limits.
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

/// Returns whether a target may walk the whole value with its shared parts expanded. Above the
/// limit of 256 MiB every walk must be refused at once. Below the limit a walk may take long, so
/// only small values are walked.
[[nodiscard]] inline bool is_worth_walking(const patio::value& v) {
  return v.weight() <= 1 << 16 || v.weight() > patio::value::expansion_limit;
}
