#include <patio/value/standard_types.hpp>

#include <algorithm>
#include <charconv>

#include <patio/value/array.hpp>
#include <patio/value/integer.hpp>

namespace patio::detail {
namespace {

struct class_path {
  std::string_view module, name;
  standard_class c;
};

constexpr std::array class_paths{
  class_path{"datetime", "datetime", standard_class::datetime},
  class_path{"datetime", "date", standard_class::date},
  class_path{"datetime", "time", standard_class::time},
  class_path{"datetime", "timedelta", standard_class::timedelta},
  class_path{"datetime", "timezone", standard_class::timezone},
  class_path{"decimal", "Decimal", standard_class::decimal},
  class_path{"uuid", "UUID", standard_class::uuid},
  class_path{"collections", "OrderedDict", standard_class::ordered_dict},
  class_path{"array", "array", standard_class::array},
};

bool is_bytes(std::span<const value> args, std::size_t size) {
  return !args.empty() && args[0].kind() == kind::bytes && args[0].data().size() == size;
}

bool is_zone(const value& v) {
  return class_of(v) == standard_class::timezone && wrong_object(v.as_object()).empty();
}

bool with_zone(std::span<const value> args) {
  return args.size() == 1 || (args.size() == 2 && is_zone(args[1]));
}

bool is_datetime(std::span<const value> args) {
  return is_bytes(args, 10) && with_zone(args) && datetime_from_bytes(args[0].data());
}
bool is_date(std::span<const value> args) {
  return is_bytes(args, 4) && args.size() == 1 && date_from_bytes(args[0].data());
}
bool is_time(std::span<const value> args) {
  return is_bytes(args, 6) && with_zone(args) && time_from_bytes(args[0].data());
}

bool is_timezone(std::span<const value> args) {
  if (args.empty() || args.size() > 2 || (args.size() == 2 && !args[1].is_text())) return false;
  if (class_of(args[0]) != standard_class::timedelta || !wrong_object(args[0].as_object()).empty())
    return false;
  auto offset = *timedelta_from(args[0].as_object().args);
  return offset.days == 0 || (offset.days == -1 && offset.seconds + offset.microseconds > 0);
}

bool is_decimal_argument(std::span<const value> args) {
  return args.size() == 1 && args[0].is_text() && is_decimal(args[0].text());
}

std::optional<std::int64_t> int_in(const value& v, std::int64_t low, std::int64_t high) {
  auto i = v.kind() == kind::integer ? v.as_int64() : std::nullopt;
  return i && *i >= low && *i <= high ? i : std::nullopt;
}

unsigned days_in(unsigned year, unsigned month) noexcept {
  constexpr std::array<std::uint8_t, 12> days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  return days[month - 1] + (month == 2 && leap ? 1U : 0U);
}

unsigned byte(std::string_view bytes, std::size_t index) noexcept {
  return static_cast<unsigned char>(bytes[index]);
}

bool read_day(std::string_view four, moment& m) noexcept {
  m.year = byte(four, 0) << 8 | byte(four, 1);
  m.month = byte(four, 2);
  m.day = byte(four, 3);
  return m.year >= 1 && m.year <= 9999 && m.month >= 1 && m.month <= 12 && m.day >= 1
         && m.day <= days_in(m.year, m.month);
}

bool read_clock(std::string_view six, moment& m) noexcept {
  m.hour = byte(six, 0);
  m.minute = byte(six, 1);
  m.second = byte(six, 2);
  m.microsecond = byte(six, 3) << 16 | byte(six, 4) << 8 | byte(six, 5);
  return m.hour < 24 && m.minute < 60 && m.second < 60 && m.microsecond < 1'000'000;
}

/// Set in the month byte of a datetime, and in the hour byte of a time.
constexpr unsigned fold_bit = 0x80;

void put_day(std::string& out, const moment& m, unsigned flag) {
  for (auto part : {m.year >> 8, m.year & 0xff, m.month | flag, m.day})
    out.push_back(static_cast<char>(part));
}

void put_clock(std::string& out, const moment& m, unsigned flag) {
  for (auto part : {m.hour | flag, m.minute, m.second, m.microsecond >> 16,
                    m.microsecond >> 8 & 0xff, m.microsecond & 0xff})
    out.push_back(static_cast<char>(part));
}

} // namespace

standard_class find_standard_class(std::string_view module, std::string_view name) noexcept {
  for (const auto& known : class_paths)
    if (known.name == name && known.module == module) return known.c;
  return standard_class::none;
}

standard_class class_of(const value& v) noexcept {
  if (v.kind() != kind::object) return standard_class::none;
  const auto& o = v.as_object();
  return find_standard_class(o.module, o.name);
}

std::string_view wrong_arguments(standard_class c, construction made_by,
                                 std::span<const value> args) {
  if (c == standard_class::none) return {};
  if ((made_by == construction::new_only) != (c == standard_class::uuid))
    return "the opcode that CPython writes";
  switch (c) {
  case standard_class::datetime:
    return is_datetime(args) ? "" : "ten bytes of a date and time, and optionally a timezone";
  case standard_class::date: return is_date(args) ? "" : "four bytes of a date";
  case standard_class::time:
    return is_time(args) ? "" : "six bytes of a time, and optionally a timezone";
  case standard_class::timedelta:
    return timedelta_from(args) ? "" : "normalised days, seconds and microseconds";
  case standard_class::timezone:
    return is_timezone(args) ? "" : "a timedelta of less than a day, and optionally a name";
  case standard_class::decimal: return is_decimal_argument(args) ? "" : "the text of a number";
  case standard_class::array:
    return array_from(args) ? "" : "a typecode of numbers, its format and the bytes of the numbers";
  default: return args.empty() ? "" : "no arguments";
  }
}

std::string_view wrong_state(standard_class c, const value& state) {
  if (c == standard_class::none) return state.is_none() ? "a state" : "";
  if (c != standard_class::uuid && c != standard_class::ordered_dict) return "no state";
  if (state.kind() != kind::dict) return "a dict";
  if (c == standard_class::ordered_dict) {
    auto named = [](const dict_entry& e) { return e.first.is_text(); };
    return std::ranges::all_of(state.entries(), named) ? ""
                                                       : "attribute names as keys of the state";
  }
  const auto *number = state.find("int"), *safe = state.find("is_safe");
  if (!number || !uuid_from(*number)) return "an int of 128 bits";
  if (state.entries().size() != (safe ? 2U : 1U)) return "only the attributes int and is_safe";
  return !safe || int_in(*safe, -1, 0) ? "" : "0 or -1 for is_safe";
}

std::string_view wrong_object(const object_parts& o) {
  auto c = find_standard_class(o.module, o.name);
  if (c == standard_class::none) return {};
  if (auto wrong = wrong_arguments(c, o.made_by, o.args); !wrong.empty()) return wrong;
  if (!o.items.empty()) return "no items";
  if (!o.entries.empty() && !takes_entries(c)) return "no entries";
  for (const auto& [key, mapped] : o.entries)
    if (!hashable(key)) return "hashable keys";
  return o.state.is_none() && !needs_state(c) ? "" : wrong_state(c, o.state);
}

bool has_hash(const object_parts& o) {
  auto c = find_standard_class(o.module, o.name);
  bool is_mutable = c == standard_class::ordered_dict || c == standard_class::array;
  if (is_mutable || !o.items.empty() || !o.entries.empty()) return false;
  // Python refuses to hash a signalling NaN. Its text is an optional sign, "sNaN" and optional
  // digits.
  if (c == standard_class::decimal && o.args.size() == 1 && o.args[0].is_text()
      && o.args[0].text().substr(0, 2).find_first_of("sS") != std::string_view::npos)
    return false;
  if (!std::ranges::all_of(o.args, hashable)) return false;
  if (o.state.kind() != kind::dict) return hashable(o.state);
  return std::ranges::all_of(o.state.entries(),
                             [](const dict_entry& e) { return hashable(e.second); });
}

std::optional<moment> datetime_from_bytes(std::string_view bytes) noexcept {
  moment m;
  if (bytes.size() != 10) return {};
  m.fold = (byte(bytes, 2) & fold_bit) != 0;
  std::array<char, 4> day{bytes[0], bytes[1], static_cast<char>(byte(bytes, 2) & ~fold_bit),
                          bytes[3]};
  if (!read_day({day.data(), day.size()}, m) || !read_clock(bytes.substr(4), m)) return {};
  return m;
}

std::optional<moment> date_from_bytes(std::string_view bytes) noexcept {
  moment m;
  if (bytes.size() != 4 || !read_day(bytes, m)) return {};
  return m;
}

std::optional<moment> time_from_bytes(std::string_view bytes) noexcept {
  moment m;
  if (bytes.size() != 6) return {};
  m.fold = (byte(bytes, 0) & fold_bit) != 0;
  std::array<char, 6> clock{static_cast<char>(byte(bytes, 0) & ~fold_bit),
                            bytes[1],
                            bytes[2],
                            bytes[3],
                            bytes[4],
                            bytes[5]};
  if (!read_clock({clock.data(), clock.size()}, m)) return {};
  return m;
}

std::string datetime_to_bytes(const moment& m) {
  std::string bytes;
  put_day(bytes, m, m.fold ? fold_bit : 0);
  put_clock(bytes, m, 0);
  return bytes;
}

std::string date_to_bytes(const moment& m) {
  std::string bytes;
  put_day(bytes, m, 0);
  return bytes;
}

std::string time_to_bytes(const moment& m) {
  std::string bytes;
  put_clock(bytes, m, m.fold ? fold_bit : 0);
  return bytes;
}

std::optional<day_count> timedelta_from(std::span<const value> args) {
  if (args.size() != 3) return {};
  auto days = int_in(args[0], -999'999'999, 999'999'999);
  auto seconds = int_in(args[1], 0, 86'399);
  auto rest = int_in(args[2], 0, 999'999);
  if (!days || !seconds || !rest) return {};
  return day_count{*days, *seconds, *rest};
}

namespace {

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

std::string_view take_digits(std::string_view& text) noexcept {
  auto end = std::ranges::find_if_not(text, is_digit);
  auto digits = text.substr(0, static_cast<std::size_t>(end - text.begin()));
  text.remove_prefix(digits.size());
  return digits;
}

/// Removes a word from the front of `text`, in upper or lower case. `word` is in lower case.
bool take_word(std::string_view& text, std::string_view word) noexcept {
  auto same = [](char lower, char c) {
    return c == lower || (c >= 'A' && c <= 'Z' && c + ('a' - 'A') == lower);
  };
  if (text.size() < word.size() || !std::equal(word.begin(), word.end(), text.begin(), same))
    return false;
  text.remove_prefix(word.size());
  return true;
}

void take_sign(std::string_view& text) noexcept {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
}

/// Returns zero if the text has no exponent. Returns nothing for an exponent without digits or
/// beyond 4e18.
std::optional<std::int64_t> take_exponent(std::string_view& text) noexcept {
  if (!take_word(text, "e")) return 0;
  bool negative = text.starts_with('-');
  take_sign(text);
  auto digits = take_digits(text);
  std::int64_t exponent = 0;
  auto failed = std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec;
  if (failed != std::errc{} || exponent > 4'000'000'000'000'000'000) return {};
  return negative ? -exponent : exponent;
}

} // namespace

// CPython also accepts surrounding spaces, underscores and digits of other scripts, but never
// writes them.
bool is_decimal(std::string_view text) noexcept {
  constexpr std::int64_t largest = 999'999'999'999'999'999, smallest = -1'999'999'999'999'999'997;
  take_sign(text);
  if (take_word(text, "nan") || take_word(text, "snan")) {
    take_digits(text);
    return text.empty();
  }
  if (take_word(text, "infinity") || take_word(text, "inf")) return text.empty();
  auto whole = take_digits(text);
  bool point = text.starts_with('.');
  if (point) text.remove_prefix(1);
  auto fraction = point ? take_digits(text) : std::string_view{};
  if (whole.empty() && fraction.empty()) return false;
  auto exponent = take_exponent(text);
  if (!exponent || !text.empty()) return false;
  auto leading = std::min(whole.find_first_not_of('0'), whole.size());
  if (leading == whole.size())
    leading += std::min(fraction.find_first_not_of('0'), fraction.size());
  auto significant = std::max<std::size_t>(whole.size() + fraction.size() - leading, 1);
  auto last = *exponent - static_cast<std::int64_t>(fraction.size());
  return last >= smallest && last + static_cast<std::int64_t>(significant) - 1 <= largest;
}

std::optional<uuid_bytes> uuid_from(const value& number) {
  if (number.kind() != kind::integer) return {};
  auto i = number.as_integer();
  auto magnitude = i.magnitude();
  if (i.negative() || magnitude.size() > 16) return {};
  uuid_bytes bytes{};
  for (std::size_t at = 0; at < magnitude.size(); ++at)
    bytes[15 - at] = static_cast<std::uint8_t>(magnitude[at]);
  return bytes;
}

std::string uuid_text(const uuid_bytes& bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += {digits[bytes[i] >> 4], digits[bytes[i] & 15]};
  }
  return text;
}

} // namespace patio::detail
