/// C++ types for Python's datetime classes, Decimal, UUID and OrderedDict, and for your own structs
/// as objects of a Python class. A node accepts and sends such objects only if its `python_types`
/// contain the class. Include this header where you register or call a function with such types.
/// Any thread may call these functions. A conversion to Python throws std::out_of_range for a date
/// or time that Python cannot hold.
#pragma once

#include <array>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/convert/convert.hpp>
#include <patio/value/python_types.hpp>

namespace PATIO_API patio {

/// datetime.timedelta. A std::chrono duration becomes a number of seconds instead. Each of the two
/// C++ types also accepts the Python form of the other.
struct timedelta {
  std::chrono::microseconds length{};
  friend auto operator<=>(const timedelta&, const timedelta&) = default;
};

/// decimal.Decimal as its text, with all digits. Decimals are equal if their texts are equal.
class decimal {
public:
  decimal() = default; ///< 0
  /// Requires a text as Python prints it: "-1.50", "1E+3", "Infinity", "NaN". Throws
  /// std::invalid_argument for any other text.
  explicit decimal(std::string text);
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  friend bool operator==(const decimal&, const decimal&) = default;

private:
  std::string text_ = "0";
};

/// uuid.UUID; the bytes are big endian.
struct uuid {
  std::array<std::uint8_t, 16> bytes{};
  friend auto operator<=>(const uuid&, const uuid&) = default;
};
[[nodiscard]] std::string to_string(const uuid& u); ///< "12345678-1234-5678-1234-567812345678"

/// collections.OrderedDict. A plain dict does not convert to this type.
template <class Key, class Mapped>
struct ordered_dict {
  std::vector<std::pair<Key, Mapped>> entries;
  friend bool operator==(const ordered_dict&, const ordered_dict&) = default;
};

struct class_path {
  const char* module;
  const char* name;
};

/// Specialize this variable in addition to `fields` to convert a struct to an object of a Python
/// class, such as a dataclass, and back. The fields are the attributes of the object:
///   template <>
///   inline constexpr auto patio::python_class<order> = patio::class_path{"shop.models", "Order"};
template <class T>
inline constexpr auto python_class = nullptr;

namespace detail {

template <class T>
concept has_python_class =
  has_fields<T> && std::same_as<std::remove_cv_t<decltype(python_class<T>)>, class_path>;

[[nodiscard]] value datetime_value(std::chrono::microseconds since_epoch, bool aware);
[[nodiscard]] value date_value(std::chrono::year_month_day day);
[[nodiscard]] value time_value(std::chrono::microseconds since_midnight);
[[nodiscard]] result<std::chrono::microseconds> datetime_of(const value& v, bool aware);
[[nodiscard]] result<std::chrono::year_month_day> date_of(const value& v);
[[nodiscard]] result<std::chrono::microseconds> time_of(const value& v);

/// Converts a time to microseconds. Throws std::out_of_range outside the years 1 to 9999, which
/// Python supports. The range check comes first, so the conversion cannot overflow.
template <class Duration>
[[nodiscard]] std::chrono::microseconds microseconds_of(Duration since_epoch) {
  using std::chrono::days;
  auto day = std::chrono::floor<days>(since_epoch).count();
  if (day < -719'162 || day > 2'932'896)
    throw std::out_of_range{"a datetime must be in the years 1 to 9999"};
  return std::chrono::floor<std::chrono::microseconds>(since_epoch);
}

template <class Duration>
[[nodiscard]] result<Duration> in_units_of(std::chrono::microseconds t) {
  if constexpr (std::ratio_less_v<typename Duration::period, std::micro>) {
    auto fits = [&](Duration limit) {
      return std::chrono::duration_cast<std::chrono::microseconds>(limit);
    };
    if (t <= fits(Duration::min()) || t >= fits(Duration::max()))
      return fail(errc::undecodable, "must be a datetime that the C++ type can hold");
  }
  return std::chrono::floor<Duration>(t);
}

[[nodiscard]] result<std::span<const dict_entry>> ordered_entries(const value& v);
[[nodiscard]] value object_with(const class_path& cls, value attributes);
[[nodiscard]] result<value> attributes_of(const value& v, const class_path& cls);

} // namespace detail

/// Converts to an aware datetime in UTC, and from an aware datetime in any timezone.
template <class Duration>
struct converter<std::chrono::sys_time<Duration>> {
  using time_point = std::chrono::sys_time<Duration>;
  static value to(const time_point& t) {
    return detail::datetime_value(detail::microseconds_of(t.time_since_epoch()), true);
  }
  static result<time_point> from(const value& v) {
    return detail::datetime_of(v, true).and_then(detail::in_units_of<Duration>).map([](Duration d) {
      return time_point{d};
    });
  }
  static std::string name() { return "aware datetime.datetime"; }
};

/// Converts to and from a naive datetime.
template <class Duration>
struct converter<std::chrono::local_time<Duration>> {
  using time_point = std::chrono::local_time<Duration>;
  static value to(const time_point& t) {
    return detail::datetime_value(detail::microseconds_of(t.time_since_epoch()), false);
  }
  static result<time_point> from(const value& v) {
    return detail::datetime_of(v, false)
      .and_then(detail::in_units_of<Duration>)
      .map([](Duration d) { return time_point{d}; });
  }
  static std::string name() { return "naive datetime.datetime"; }
};

template <>
struct converter<std::chrono::year_month_day> {
  static value to(const std::chrono::year_month_day& day) { return detail::date_value(day); }
  static result<std::chrono::year_month_day> from(const value& v) { return detail::date_of(v); }
  static std::string name() { return "datetime.date"; }
};

/// Converts to and from a naive datetime.time.
template <class Duration>
struct converter<std::chrono::hh_mm_ss<Duration>> {
  using clock = std::chrono::hh_mm_ss<Duration>;
  static value to(const clock& t) {
    return detail::time_value(std::chrono::floor<std::chrono::microseconds>(t.to_duration()));
  }
  static result<clock> from(const value& v) {
    return detail::time_of(v).map(
      [](std::chrono::microseconds t) { return clock{std::chrono::floor<Duration>(t)}; });
  }
  static std::string name() { return "datetime.time"; }
};

template <>
struct converter<timedelta> {
  static value to(const timedelta& t);
  static result<timedelta> from(const value& v);
  static std::string name() { return "datetime.timedelta"; }
};

template <>
struct converter<decimal> {
  static value to(const decimal& d);
  static result<decimal> from(const value& v);
  static std::string name() { return "decimal.Decimal"; }
};

template <>
struct converter<uuid> {
  static value to(const uuid& u);
  static result<uuid> from(const value& v);
  static std::string name() { return "uuid.UUID"; }
};

template <convertible Key, convertible Mapped>
struct converter<ordered_dict<Key, Mapped>> {
  using dict = ordered_dict<Key, Mapped>;
  static value to(const dict& d) {
    object_parts parts{.module = "collections", .name = "OrderedDict"};
    for (const auto& [key, mapped] : d.entries)
      parts.entries.emplace_back(to_value(key), to_value(mapped));
    return value::object(std::move(parts));
  }
  static result<dict> from(const value& v) {
    auto entries = detail::ordered_entries(v);
    if (!entries) return tl::unexpected(std::move(entries.error()));
    dict d;
    for (const auto& [key, mapped] : *entries) {
      auto k = from_value<Key>(key);
      if (!k) return tl::unexpected(detail::within(detail::key_place(key), std::move(k.error())));
      auto m = from_value<Mapped>(mapped);
      if (!m) return tl::unexpected(detail::within(detail::value_place(key), std::move(m.error())));
      d.entries.emplace_back(std::move(*k), std::move(*m));
    }
    return d;
  }
  static std::string name() { return "collections.OrderedDict"; }
};

template <detail::has_fields T>
  requires detail::has_python_class<T>
struct converter<T> {
  static value to(const T& x) {
    return detail::object_with(python_class<T>, detail::fields_converter<T>::to(x));
  }
  static result<T> from(const value& v) {
    return detail::attributes_of(v, python_class<T>).and_then([](const value& attributes) {
      return detail::fields_converter<T>::from_dict(attributes, "attribute");
    });
  }
  static std::string name() {
    return std::string{python_class<T>.module} + "." + python_class<T>.name;
  }
};

} // namespace patio
