#include <patio/value/repr.hpp>
#include <patio/value/standard_types.hpp>

namespace patio::detail {
namespace {

std::string two_digits(std::uint64_t number) {
  return (number < 10 ? "0" : "") + std::to_string(number);
}

std::string six_digits(std::uint64_t number) {
  auto text = std::to_string(number);
  return std::string(6 - text.size(), '0') + text;
}

std::string date_text(const moment& m) {
  auto year = std::to_string(m.year);
  return std::string(4 - year.size(), '0') + year + "-" + two_digits(m.month) + "-"
         + two_digits(m.day);
}

std::string clock_text(const moment& m) {
  auto text = two_digits(m.hour) + ":" + two_digits(m.minute) + ":" + two_digits(m.second);
  return m.microsecond == 0 ? text : text + "." + six_digits(m.microsecond);
}

/// Returns an offset from UTC, which is less than a day: "+02:00", "-00:30:15".
std::string offset_text(const day_count& offset) {
  constexpr std::int64_t million = 1'000'000;
  auto all = (offset.days * 86'400 + offset.seconds) * million + offset.microseconds;
  auto size = static_cast<std::uint64_t>(all < 0 ? -all : all);
  auto seconds = size / million, rest = size % million;
  auto text =
    (all < 0 ? "-" : "+") + two_digits(seconds / 3600) + ":" + two_digits(seconds / 60 % 60);
  if (seconds % 60 != 0 || rest != 0) text += ":" + two_digits(seconds % 60);
  return rest == 0 ? text : text + "." + six_digits(rest);
}

/// Returns the offset of the timezone that may follow the bytes of a datetime or time.
std::string zone_text(std::span<const value> args) {
  if (args.size() < 2) return {};
  return offset_text(*timedelta_from(args[1].as_object().args[0].as_object().args));
}

std::string timezone_text(std::span<const value> args) {
  if (args.size() == 2) return std::string{args[1].text()};
  auto offset = *timedelta_from(args[0].as_object().args);
  bool utc = offset.days == 0 && offset.seconds == 0 && offset.microseconds == 0;
  return utc ? "UTC" : "UTC" + offset_text(offset);
}

std::string timedelta_text(const day_count& t) {
  std::string text;
  if (t.days != 0)
    text = std::to_string(t.days) + (t.days == 1 || t.days == -1 ? " day, " : " days, ");
  auto seconds = static_cast<std::uint64_t>(t.seconds);
  text += std::to_string(seconds / 3600) + ":" + two_digits(seconds / 60 % 60) + ":"
          + two_digits(seconds % 60);
  auto rest = static_cast<std::uint64_t>(t.microseconds);
  return rest == 0 ? text : text + "." + six_digits(rest);
}

} // namespace

std::optional<std::string> standard_str(const object_parts& o) {
  if (o.made_by == construction::none) return {};
  auto c = find_standard_class(o.module, o.name);
  if (c == standard_class::none) return path_text(o);
  if (!wrong_object(o).empty()) return {};
  switch (c) {
  case standard_class::datetime: {
    auto m = *datetime_from_bytes(o.args[0].data());
    return date_text(m) + " " + clock_text(m) + zone_text(o.args);
  }
  case standard_class::date: return date_text(*date_from_bytes(o.args[0].data()));
  case standard_class::time:
    return clock_text(*time_from_bytes(o.args[0].data())) + zone_text(o.args);
  case standard_class::timedelta: return timedelta_text(*timedelta_from(o.args));
  case standard_class::timezone: return timezone_text(o.args);
  case standard_class::decimal: return std::string{o.args[0].text()};
  case standard_class::uuid: return uuid_text(*uuid_from(*o.state.find("int")));
  default: return {};
  }
}

std::optional<std::string> path_text(const object_parts& o) {
  bool is_path = (o.module == "pathlib" || o.module == "pathlib._local")
                 && o.made_by == construction::call && o.name.ends_with("Path");
  if (!is_path) return {};
  auto separator = o.name.find("Windows") == std::string::npos ? '/' : '\\';
  std::string text;
  for (const auto& part : o.args) {
    if (!part.is_text()) return {};
    if (!text.empty() && text.back() != separator) text += separator;
    text += part.text();
  }
  return text.empty() ? "." : text;
}

} // namespace patio::detail
