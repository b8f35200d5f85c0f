#include <patio/convert/convert.hpp>

#include <algorithm>
#include <cmath>

#include <patio/value/repr.hpp>
#include <patio/value/standard_types.hpp>

namespace patio {

error mismatch(const std::string& expected, const value& v) {
  auto found = v.is_none() ? std::string{"None"} : std::string{type_name(v.kind())};
  if (v.kind() == kind::object) found = v.as_object().module + "." + v.as_object().name;
  return {errc::undecodable, "must be " + expected + ", not " + found, {}};
}

error expands_too_far() {
  return {errc::undecodable,
          "must be smaller: it takes more than " + std::to_string(value::expansion_limit >> 20)
            + " MiB when its shared parts are expanded",
          {}};
}

namespace detail {
namespace {

error out_of_range(const std::string& low, const std::string& high) {
  return {errc::undecodable, "must be int in the range " + low + " to " + high, {}};
}

/// Returns "a, b and c" if `last` is " and ".
std::string joined(const std::vector<std::string>& parts, std::string_view last) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i)
    text.append(i == 0 ? "" : i + 1 == parts.size() ? last : ", ").append(parts[i]);
  return text;
}

std::vector<std::string> all_quoted(std::span<const std::string_view> names) {
  std::vector<std::string> all;
  for (auto name : names) all.push_back(quoted(name));
  return all;
}

} // namespace

error too_many_collisions() {
  return {errc::undecodable, "must not have more than 100 keys that collide in a hash table", {}};
}

result<std::int64_t> integer_in_range(const value& v, std::int64_t low, std::int64_t high) {
  if (v.kind() == kind::boolean) return v.as_bool() ? 1 : 0; // in Python a bool is an int
  if (v.kind() != kind::integer) return tl::unexpected(mismatch("int", v));
  auto i = v.as_int64();
  if (!i || *i < low || *i > high)
    return tl::unexpected(out_of_range(std::to_string(low), std::to_string(high)));
  return *i;
}

result<std::uint64_t> unsigned_in_range(const value& v, std::uint64_t high) {
  if (v.kind() == kind::boolean) return v.as_bool() ? 1U : 0U;
  if (v.kind() != kind::integer) return tl::unexpected(mismatch("int", v));
  auto i = v.as_integer();
  if (i.negative() || i > integer::from_unsigned(high))
    return tl::unexpected(out_of_range("0", std::to_string(high)));
  if (auto small = i.as_int64()) return static_cast<std::uint64_t>(*small);
  std::uint64_t u = 0;
  for (std::size_t at = i.magnitude().size(); at-- > 0;)
    u = (u << 8) | static_cast<unsigned char>(i.magnitude()[at]);
  return u;
}

result<double> any_real(const value& v) {
  switch (v.kind()) {
  case kind::real: return v.as_real();
  case kind::boolean: return v.as_bool() ? 1.0 : 0.0;
  case kind::integer: {
    if (auto i = v.as_int64()) return static_cast<double>(*i);
    auto d = v.as_integer().as_real();
    if (std::isinf(d))
      return fail(errc::undecodable, "must be float, but this int is too large for a float");
    return d;
  }
  default: return tl::unexpected(mismatch("float", v));
  }
}

result<std::string> text_of(const value& v) {
  if (v.kind() == kind::str) return std::string{v.text()};
  return tl::unexpected(mismatch("str", v));
}

result<std::chrono::duration<double>> seconds_of(const value& v) {
  if (class_of(v) == standard_class::timedelta)
    if (auto t = timedelta_from(v.as_object().args))
      return std::chrono::duration<double>{static_cast<double>(t->days * 86'400 + t->seconds)
                                           + static_cast<double>(t->microseconds) / 1e6};
  auto d = any_real(v);
  if (!d) return tl::unexpected(std::move(d.error()));
  if (!(std::abs(*d) < 9.2e9))
    return fail(errc::undecodable, "must be a number of seconds between -9.2e9 and 9.2e9");
  return std::chrono::duration<double>{*d};
}

error duration_does_not_fit(double seconds) {
  return {errc::undecodable,
          "must be a number of seconds that the C++ duration can hold, not " + brief(seconds),
          {}};
}

std::optional<error> unknown_key(const value& dict, std::span<const std::string_view> known,
                                 std::string_view noun) {
  auto is_known = [&](const value& key) {
    return key.kind() == kind::str && std::ranges::find(known, key.text()) != known.end();
  };
  for (const auto& [key, mapped] : dict.entries()) {
    if (is_known(key)) continue;
    std::string text{"must not have the "};
    text.append(noun).append(" ").append(brief(key, 80));
    text += known.empty() ? ", nor any other" : ", but only " + joined(all_quoted(known), " and ");
    return error{errc::undecodable, std::move(text), {}};
  }
  return {};
}

std::string one_of(std::span<const std::string_view> names) {
  return joined(all_quoted(names), " or ");
}

error not_among(std::span<const std::string_view> names, std::span<const value> numbers,
                const value& v) {
  auto possible = all_quoted(names);
  if (!v.is_text())
    for (std::size_t i = 0; i < possible.size(); ++i) possible[i] += " (" + brief(numbers[i]) + ")";
  return {errc::undecodable, "must be " + joined(possible, " or ") + ", not " + brief(v, 80), {}};
}

error within(const std::string& place, error inner) {
  inner.message.insert(0, begins_with_place(inner) ? place : place + " ");
  return inner;
}

bool begins_with_place(const error& e) noexcept {
  return e.message.starts_with('.') || e.message.starts_with('[');
}

std::string item_place(std::size_t index) { return "[" + std::to_string(index) + "]"; }
std::string value_place(const value& key) { return "[" + brief(key, 80) + "]"; }
std::string key_place(const value& key) { return "key " + brief(key, 80); }

result<std::span<const value>> sequence_items(const value& v, const std::string& expected,
                                              bool sets) {
  bool fits = sets ? v.kind() == kind::set || v.kind() == kind::frozenset
                   : v.kind() == kind::list || v.kind() == kind::tuple;
  if (fits) return v.items();
  return tl::unexpected(mismatch(expected, v));
}

} // namespace detail
} // namespace patio
