#include <patio/functions/declaration.hpp>

#include <algorithm>
#include <stdexcept>

#include <patio/base/utf8.hpp>
#include <patio/value/literal.hpp>
#include <patio/value/repr.hpp>

namespace patio::detail {
namespace {

[[noreturn]] void refuse(const std::string& function, const std::string& why) {
  throw std::invalid_argument{function + "(): " + why};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\n";
  auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Python also allows letters of other scripts, but no keyword argument of C++ needs them.
bool is_identifier(std::string_view text) {
  auto fits = [](char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
           || static_cast<unsigned char>(c) >= 0x80;
  };
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && is_utf8(text)
         && std::ranges::all_of(text, fits);
}

/// Finds the end of a string literal, which begins at `begin`. Returns npos if there is none.
std::size_t end_of_string(std::string_view text, std::size_t begin) {
  for (auto at = begin + 1; at < text.size(); ++at)
    if (text[at] == '\\') ++at;
    else if (text[at] == text[begin]) return at;
  return std::string_view::npos;
}

/// Finds the comma that ends the first parameter. Commas in brackets and in strings belong to a
/// default. Returns the size of the text if no comma ends the parameter.
std::size_t end_of_parameter(std::string_view text) {
  constexpr std::string_view opening = "([{", closing = ")]}";
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    auto c = text[at];
    if (c == ',' && depth == 0) return at;
    if (opening.find(c) != std::string_view::npos) ++depth;
    if (closing.find(c) != std::string_view::npos) --depth;
    if (c == '\'' || c == '"') at = std::min(end_of_string(text, at), text.size() - 1);
  }
  return text.size();
}

std::vector<std::string> split_parameters(const std::string& function, std::string_view text) {
  std::vector<std::string> all;
  while (!trimmed(text).empty()) {
    auto end = end_of_parameter(text);
    all.emplace_back(trimmed(text.substr(0, end)));
    if (all.back().empty()) refuse(function, "a parameter is missing before a comma");
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

} // namespace

declaration declare(std::string text, std::vector<std::string> parameters) {
  if (!text.ends_with(')')) return {std::move(text), std::move(parameters)};
  auto open = text.find('(');
  auto name = std::string{trimmed(std::string_view{text}.substr(0, open))};
  if (open == std::string::npos || name.empty())
    throw std::invalid_argument{"a signature is like 'sub(a, b=0)', not " + quoted(text)};
  if (!parameters.empty())
    refuse(name, "its signature already names the parameters, so leave options.parameters empty");
  auto inner = std::string_view{text}.substr(open + 1, text.size() - open - 2);
  return {name, split_parameters(name, inner), true};
}

declared_parameter parse_parameter(const std::string& function, std::string_view text) {
  auto equals = text.find('=');
  auto head = trimmed(text.substr(0, equals));
  auto stars = std::min<std::size_t>(head.find_first_not_of('*'), head.size());
  auto name = head.substr(stars);
  if (stars > 2 || !is_identifier(name))
    refuse(function, "a parameter is like a, b=0, *args or **kwargs, not " + quoted(text));
  declared_parameter p{std::string{name}, static_cast<unsigned>(stars)};
  if (equals == std::string_view::npos) return p;
  if (stars > 0) refuse(function, quoted(head) + " cannot have a default");
  auto parsed = parse_literal(trimmed(text.substr(equals + 1)));
  if (!parsed)
    refuse(function, "the default of '" + p.name
                       + "' must be a Python literal, such as 0, 'text' or "
                         "None: "
                       + parsed.error().message);
  p.default_value = std::move(*parsed);
  return p;
}

} // namespace patio::detail
