#include <patio/value/array.hpp>
#include <patio/value/repr.hpp>
#include <patio/value/standard_types.hpp>

namespace patio::detail {
namespace {

std::string joined(std::initializer_list<unsigned> numbers) {
  std::string text;
  for (auto n : numbers) text += (text.empty() ? "" : ", ") + std::to_string(n);
  return text;
}

std::string seconds_text(const moment& m) {
  if (m.microsecond != 0) return ", " + joined({m.second, m.microsecond});
  return m.second != 0 ? ", " + std::to_string(m.second) : "";
}

std::string timedelta_text(const day_count& t) {
  std::string text;
  auto add = [&](const char* name, std::int64_t n) {
    if (n != 0) text += (text.empty() ? "" : ", ") + (name + std::to_string(n));
  };
  add("days=", t.days);
  add("seconds=", t.seconds);
  add("microseconds=", t.microseconds);
  return "datetime.timedelta(" + (text.empty() ? "0" : text) + ")";
}

std::string timezone_text(std::span<const value> args) {
  auto offset = *timedelta_from(args[0].as_object().args);
  if (args.size() == 1 && offset.days == 0 && offset.seconds == 0 && offset.microseconds == 0)
    return "datetime.timezone.utc";
  return "datetime.timezone(" + timedelta_text(offset)
         + (args.size() == 2 ? ", " + repr(args[1]).value_or(brief(args[1])) : "") + ")";
}

std::string zone_text(std::span<const value> args) {
  return args.size() == 2 ? ", tzinfo=" + timezone_text(args[1].as_object().args) : "";
}

std::string array_text(const array_view& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    text += (i == 0 ? "" : ", ") + brief(numbers.at(i));
  auto list = text.empty() ? "" : ", [" + text + "]";
  return "array('" + std::string{numbers.typecode} + "'" + list + ")";
}

} // namespace

std::optional<std::string> standard_repr(const object_parts& o) {
  auto c = find_standard_class(o.module, o.name);
  if (c == standard_class::none || c == standard_class::ordered_dict || !wrong_object(o).empty())
    return {};
  switch (c) {
  case standard_class::datetime: {
    auto m = *datetime_from_bytes(o.args[0].data());
    auto fields = joined({m.year, m.month, m.day, m.hour, m.minute}) + seconds_text(m);
    return "datetime.datetime(" + fields + (m.fold ? ", fold=1" : "") + zone_text(o.args) + ")";
  }
  case standard_class::date: {
    auto m = *date_from_bytes(o.args[0].data());
    return "datetime.date(" + joined({m.year, m.month, m.day}) + ")";
  }
  case standard_class::time: {
    auto m = *time_from_bytes(o.args[0].data());
    return "datetime.time(" + joined({m.hour, m.minute}) + seconds_text(m) + zone_text(o.args)
           + (m.fold ? ", fold=1)" : ")");
  }
  case standard_class::timedelta: return timedelta_text(*timedelta_from(o.args));
  case standard_class::timezone: return timezone_text(o.args);
  case standard_class::array: return array_text(*array_from(o.args));
  case standard_class::decimal: return "Decimal('" + std::string{o.args[0].text()} + "')";
  default: return "UUID('" + uuid_text(*uuid_from(*o.state.find("int"))) + "')";
  }
}

} // namespace patio::detail
