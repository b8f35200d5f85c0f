/// Converts C++ types to Python values and back. A `value` converts to itself without a copy of its
/// data. For your own type, specialize `converter`; to convert a struct to a dict, list its members
/// with PATIO_FIELDS (fields.hpp). Any thread may call these functions. The message of a conversion
/// error has no subject, so that a caller can put one in front: "must be int, not str". The place
/// of a wrong part comes first: "[2].x must be int, not None".
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <variant>

#include <patio/base/api.hpp>
#include <patio/value/error.hpp>
#include <patio/value/integer.hpp>
#include <patio/value/value.hpp>

namespace PATIO_API patio {

/// A converter has three functions; `name` returns Python's name of the type:
///   static value to(const T& x);
///   static result<T> from(const value& v);
///   static std::string name();
template <class T>
struct converter;

/// Returns the error for a value that weighs more than value::expansion_limit.
[[nodiscard]] error expands_too_far();

template <class T>
[[nodiscard]] value to_value(const T& x) {
  return converter<T>::to(x);
}

/// Converts a value. The conversion copies a shared part of `v` each time the part occurs. A value
/// that weighs more than value::expansion_limit is therefore refused, unless T is `value`.
template <class T>
[[nodiscard]] result<T> from_value(const value& v) {
  if constexpr (!std::same_as<T, value>)
    if (v.is_container() && v.weight() > value::expansion_limit)
      return tl::unexpected(expands_too_far());
  return converter<T>::from(v);
}

template <class T>
concept convertible = requires(const T& x, const value& v) {
  { converter<T>::to(x) } -> std::same_as<value>;
  { converter<T>::from(v) } -> std::same_as<result<T>>;
};

/// Returns the error "must be EXPECTED, not TYPE", in Python's wording. TYPE is the type of `v`.
[[nodiscard]] error mismatch(const std::string& expected, const value& v);

namespace detail {

template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;

[[nodiscard]] result<std::int64_t> integer_in_range(const value& v, std::int64_t low,
                                                    std::int64_t high);
[[nodiscard]] result<std::uint64_t> unsigned_in_range(const value& v, std::uint64_t high);
[[nodiscard]] result<double> any_real(const value& v);
[[nodiscard]] result<std::string> text_of(const value& v);
/// Returns a number of seconds that fits into 64 bits of nanoseconds, or an error.
[[nodiscard]] result<std::chrono::duration<double>> seconds_of(const value& v);
[[nodiscard]] error duration_does_not_fit(double seconds);
/// Puts a place in front of the message of an error. A place is a field ".x", an item "[2]", or
/// words: ".x[2] must be int, not None".
[[nodiscard]] error within(const std::string& place, error inner);
/// Returns true if the message of an error begins with a field or an item.
[[nodiscard]] bool begins_with_place(const error& e) noexcept;
/// The place of an item in a sequence, and of a value in a dict.
[[nodiscard]] std::string item_place(std::size_t index);
[[nodiscard]] std::string value_place(const value& key);
[[nodiscard]] std::string key_place(const value& key);
/// Returns the items of a list or tuple. If `sets` is true, returns the items of a set or frozenset
/// instead. Fails for any other value.
[[nodiscard]] result<std::span<const value>>
sequence_items(const value& v, const std::string& expected, bool sets = false);

} // namespace detail

template <>
struct converter<value> {
  static value to(const value& v) { return v; }
  static result<value> from(const value& v) { return v; }
  static std::string name() { return "object"; }
};

template <>
struct converter<bool> {
  static value to(bool b) { return b; }
  static result<bool> from(const value& v) {
    if (v.kind() == kind::boolean) return v.as_bool();
    return tl::unexpected(mismatch("bool", v));
  }
  static std::string name() { return "bool"; }
};

template <std::integral I>
  requires(!std::same_as<I, bool>)
struct converter<I> {
  static value to(I i) { return i; }
  static result<I> from(const value& v) {
    auto cast = [](auto wide) { return static_cast<I>(wide); };
    using range = std::numeric_limits<I>;
    if constexpr (std::is_signed_v<I>)
      return detail::integer_in_range(v, range::min(), range::max()).map(cast);
    else return detail::unsigned_in_range(v, range::max()).map(cast);
  }
  static std::string name() { return "int"; }
};

template <std::floating_point F>
struct converter<F> {
  static value to(F f) { return f; }
  static result<F> from(const value& v) {
    return detail::any_real(v).map([](double d) { return static_cast<F>(d); });
  }
  static std::string name() { return "float"; }
};

template <>
struct converter<integer> {
  static value to(const integer& i) { return i; }
  static result<integer> from(const value& v) {
    if (v.kind() == kind::integer) return v.as_integer();
    if (v.kind() == kind::boolean) return integer{v.as_bool() ? 1 : 0};
    return tl::unexpected(mismatch("int", v));
  }
  static std::string name() { return "int"; }
};

template <>
struct converter<std::complex<double>> {
  static value to(std::complex<double> c) { return c; }
  static result<std::complex<double>> from(const value& v) {
    if (v.kind() == kind::complex) return v.as_complex();
    return detail::any_real(v).map([](double d) { return std::complex<double>{d}; });
  }
  static std::string name() { return "complex"; }
};

template <>
struct converter<std::string> {
  static value to(const std::string& s) { return s; }
  static result<std::string> from(const value& v) { return detail::text_of(v); }
  static std::string name() { return "str"; }
};

template <>
struct converter<std::monostate> { ///< Python's None
  static value to(std::monostate) { return {}; }
  static result<std::monostate> from(const value& v) {
    if (v.is_none()) return std::monostate{};
    return tl::unexpected(mismatch("None", v));
  }
  static std::string name() { return "None"; }
};

template <convertible T>
struct converter<std::optional<T>> {
  static value to(const std::optional<T>& x) { return x ? to_value(*x) : value{}; }
  static result<std::optional<T>> from(const value& v) {
    if (v.is_none()) return std::optional<T>{};
    return from_value<T>(v).map([](T x) { return std::optional<T>{std::move(x)}; });
  }
  static std::string name() { return converter<T>::name() + " or None"; }
};

/// Converts to the first alternative that gives the same Python value back: 3 to an int64_t rather
/// than a double. If there is none, converts to the first alternative that takes the value.
template <convertible... Ts>
struct converter<std::variant<Ts...>> {
  static value to(const std::variant<Ts...>& x) {
    return std::visit([](const auto& alternative) { return to_value(alternative); }, x);
  }
  static result<std::variant<Ts...>> from(const value& v) {
    return best_fit(v, std::index_sequence_for<Ts...>{});
  }
  static std::string name() {
    std::string all;
    ((all += (all.empty() ? "" : " or ") + converter<Ts>::name()), ...);
    return all;
  }

private:
  template <std::size_t... Is>
  static result<std::variant<Ts...>> best_fit(const value& v, std::index_sequence<Is...>) {
    std::optional<std::variant<Ts...>> found;
    std::array<error, sizeof...(Ts)> reasons;
    auto attempt = [&]<std::size_t I, class T>(std::in_place_index_t<I> index,
                                               std::type_identity<T>) {
      auto x = from_value<T>(v);
      if (!x) reasons[I] = std::move(x.error());
      bool is_exact = x && identical(to_value<T>(*x), v);
      if (is_exact || (x && !found)) found.emplace(index, std::move(*x));
      return is_exact;
    };
    (void)(attempt(std::in_place_index<Is>, std::type_identity<Ts>{}) || ...);
    if (found) return std::move(*found);
    return tl::unexpected(misfit(v, reasons));
  }

  /// An alternative of the value's own kind has a better reason than the kind.
  static error misfit(const value& v, std::span<const error> reasons) {
    std::string text;
    auto add = [&](const error& reason, const std::string& expected) {
      if (reason.message != mismatch(expected, v).message)
        text += (text.empty() ? "" : ", or ") + reason.message;
    };
    auto reason = reasons.begin();
    (add(*reason++, converter<Ts>::name()), ...);
    return text.empty() ? mismatch(name(), v) : error{errc::undecodable, std::move(text), {}};
  }
};

/// A duration is a number of seconds, like Python's timeouts: an int if the count is integral and
/// the unit is one or more whole seconds, else a float.
template <class Rep, class Period>
struct converter<std::chrono::duration<Rep, Period>> {
  using duration = std::chrono::duration<Rep, Period>;
  static value to(duration d) {
    if constexpr (std::integral<Rep> && Period::den == 1)
      return std::chrono::duration_cast<std::chrono::seconds>(d).count();
    else return std::chrono::duration<double>(d).count();
  }
  static result<duration> from(const value& v) {
    return detail::seconds_of(v).and_then([](std::chrono::duration<double> s) -> result<duration> {
      if constexpr (!std::integral<Rep>) return duration{s};
      else if (s <= duration::min() || s >= duration::max())
        return tl::unexpected(detail::duration_does_not_fit(s.count()));
      else return std::chrono::round<duration>(s);
    });
  }
  static std::string name() { return "float"; }
};

} // namespace patio

#include <patio/convert/containers.hpp>  // IWYU pragma: export
#include <patio/convert/enumerators.hpp> // IWYU pragma: export
#include <patio/convert/fields.hpp>      // IWYU pragma: export
#include <patio/convert/packed.hpp>      // IWYU pragma: export
