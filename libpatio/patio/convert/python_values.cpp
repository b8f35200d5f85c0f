#include <patio/convert/python_values.hpp>

#include <stdexcept>

#include <patio/value/standard_types.hpp>

namespace patio {

using detail::standard_class;
using std::chrono::microseconds;

namespace detail {
namespace {

value timedelta_value(microseconds length) {
  auto days = std::chrono::floor<std::chrono::days>(length);
  auto rest = length - days;
  auto seconds = std::chrono::floor<std::chrono::seconds>(rest);
  return value::object(
    {.module = "datetime",
     .name = "timedelta",
     .args = {days.count(), seconds.count(), microseconds{rest - seconds}.count()}});
}

// CPython has a single object for UTC. This library has one as well, so that a pickle contains UTC
// only once.
const value& utc() {
  static const value zone =
    value::object({.module = "datetime", .name = "timezone", .args = {timedelta_value({})}});
  return zone;
}

moment moment_of(std::chrono::year_month_day day, microseconds clock) {
  auto number = [](auto n) { return static_cast<unsigned>(n); };
  std::chrono::hh_mm_ss<microseconds> time{clock};
  moment m;
  m.year = number(static_cast<int>(day.year()));
  m.month = number(day.month());
  m.day = number(day.day());
  m.hour = number(time.hours().count());
  m.minute = number(time.minutes().count());
  m.second = number(time.seconds().count());
  m.microsecond = number(time.subseconds().count());
  return m;
}

std::chrono::year_month_day day_of(const moment& m) {
  return std::chrono::year{static_cast<int>(m.year)} / std::chrono::month{m.month}
         / std::chrono::day{m.day};
}

microseconds clock_of(const moment& m) {
  return std::chrono::hours{m.hour} + std::chrono::minutes{m.minute}
         + std::chrono::seconds{m.second} + microseconds{m.microsecond};
}

/// Returns the parts of a valid object of the class `expected`, or null for any other value.
const object_parts* valid(const value& v, standard_class expected) {
  return class_of(v) == expected && wrong_object(v.as_object()).empty() ? &v.as_object() : nullptr;
}

/// Returns nothing if the length does not fit into 64 bits of microseconds. A timedelta may have a
/// billion days.
std::optional<microseconds> length_of(const object_parts& delta) {
  auto t = *timedelta_from(delta.args);
  constexpr std::int64_t max_days = std::numeric_limits<std::int64_t>::max() / 86'400'000'000 - 1;
  if (t.days > max_days || t.days < -max_days) return {};
  return std::chrono::days{static_cast<int>(t.days)} + std::chrono::seconds{t.seconds}
         + microseconds{t.microseconds};
}

} // namespace

value datetime_value(microseconds since_epoch, bool aware) {
  auto day = std::chrono::floor<std::chrono::days>(since_epoch);
  auto m = moment_of(std::chrono::year_month_day{std::chrono::sys_days{day}}, since_epoch - day);
  std::vector<value> args{value::bytes(datetime_to_bytes(m))};
  if (aware) args.push_back(utc());
  return value::object({.module = "datetime", .name = "datetime", .args = std::move(args)});
}

value date_value(std::chrono::year_month_day day) {
  if (!day.ok() || day.year() < std::chrono::year{1} || day.year() > std::chrono::year{9999})
    throw std::out_of_range{"a date must be in the years 1 to 9999"};
  return value::object({.module = "datetime",
                        .name = "date",
                        .args = {value::bytes(date_to_bytes(moment_of(day, {})))}});
}

value time_value(microseconds since_midnight) {
  if (since_midnight < microseconds{} || since_midnight >= std::chrono::days{1})
    throw std::out_of_range{"a time must be within one day"};
  auto bytes = time_to_bytes(moment_of({}, since_midnight));
  return value::object({.module = "datetime", .name = "time", .args = {value::bytes(bytes)}});
}

result<microseconds> datetime_of(const value& v, bool aware) {
  const auto* o = valid(v, standard_class::datetime);
  std::string expected = aware ? "aware datetime.datetime" : "naive datetime.datetime";
  if (!o) return tl::unexpected(mismatch(expected, v));
  if (aware != (o->args.size() == 2))
    return fail(errc::undecodable,
                "must be " + expected + ", not a" + (aware ? " naive" : "n aware") + " one");
  auto m = *datetime_from_bytes(o->args[0].data());
  auto t = std::chrono::sys_days{day_of(m)}.time_since_epoch() + clock_of(m);
  return aware ? t - *length_of(o->args[1].as_object().args[0].as_object()) : t;
}

result<std::chrono::year_month_day> date_of(const value& v) {
  const auto* o = valid(v, standard_class::date);
  if (!o) return tl::unexpected(mismatch("datetime.date", v));
  return day_of(*date_from_bytes(o->args[0].data()));
}

result<microseconds> time_of(const value& v) {
  const auto* o = valid(v, standard_class::time);
  if (!o) return tl::unexpected(mismatch("datetime.time", v));
  if (o->args.size() == 2)
    return fail(errc::undecodable, "must be a naive datetime.time, not an aware one");
  return clock_of(*time_from_bytes(o->args[0].data()));
}

result<std::span<const dict_entry>> ordered_entries(const value& v) {
  const auto* o = valid(v, standard_class::ordered_dict);
  if (!o) return tl::unexpected(mismatch("collections.OrderedDict", v));
  return std::span<const dict_entry>{o->entries};
}

value object_with(const class_path& cls, value attributes) {
  return value::object({.module = cls.module,
                        .name = cls.name,
                        .made_by = construction::new_only,
                        .state = std::move(attributes)});
}

result<value> attributes_of(const value& v, const class_path& cls) {
  bool fits = v.kind() == kind::object && v.as_object().module == cls.module
              && v.as_object().name == cls.name;
  if (!fits) return tl::unexpected(mismatch(std::string{cls.module} + "." + cls.name, v));
  const auto& o = v.as_object();
  bool plain = o.args.empty() && o.items.empty() && o.entries.empty();
  if (!plain || (o.state.kind() != kind::dict && !o.state.is_none()))
    return fail(
      errc::undecodable,
      "must be an object with attributes only, without constructor arguments, items or entries");
  return o.state.is_none() ? value::dict({}) : o.state;
}

} // namespace detail

decimal::decimal(std::string text) : text_{std::move(text)} {
  if (!detail::is_decimal(text_))
    throw std::invalid_argument{"not the text of a Decimal: " + text_};
}

std::string to_string(const uuid& u) { return detail::uuid_text(u.bytes); }

value converter<timedelta>::to(const timedelta& t) { return detail::timedelta_value(t.length); }

result<timedelta> converter<timedelta>::from(const value& v) {
  if (v.kind() == kind::integer || v.kind() == kind::real)
    return from_value<microseconds>(v).map([](auto d) { return timedelta{d}; });
  const auto* o = detail::valid(v, standard_class::timedelta);
  if (!o) return tl::unexpected(mismatch(name(), v));
  auto length = detail::length_of(*o);
  if (!length) return fail(errc::undecodable, "must be a timedelta that the C++ type can hold");
  return timedelta{*length};
}

value converter<decimal>::to(const decimal& d) {
  return value::object({.module = "decimal", .name = "Decimal", .args = {d.text()}});
}

result<decimal> converter<decimal>::from(const value& v) {
  const auto* o = detail::valid(v, standard_class::decimal);
  if (!o) return tl::unexpected(mismatch(name(), v));
  return decimal{std::string{o->args[0].text()}};
}

value converter<uuid>::to(const uuid& u) {
  std::string little_endian{u.bytes.rbegin(), u.bytes.rend()};
  little_endian.push_back('\0'); // keeps the number positive
  auto state = value::dict({{"int", integer::from_twos_complement(little_endian)}});
  return value::object({.module = "uuid",
                        .name = "UUID",
                        .made_by = construction::new_only,
                        .state = std::move(state)});
}

result<uuid> converter<uuid>::from(const value& v) {
  const auto* o = detail::valid(v, standard_class::uuid);
  if (!o) return tl::unexpected(mismatch(name(), v));
  return uuid{*detail::uuid_from(*o->state.find("int"))};
}

} // namespace patio
