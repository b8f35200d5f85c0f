#include "output.hpp"

#include <patio/base/printable.hpp>
#include <patio/base/utf8.hpp>
#include <patio/value/json.hpp>
#include <patio/value/repr.hpp>

#include "exit_code.hpp"
#include "standard_streams.hpp"

namespace patio::apps {
namespace {

/// True if every character is printable. Then the text has no control characters (C0 or C1), no
/// change of the writing direction and no lone surrogates, and a terminal may print the text.
bool is_plain(std::string_view text) {
  while (!text.empty()) {
    auto [c, size] = decode_utf8(text);
    if (size == 0 || !is_printable(c)) return false;
    text.remove_prefix(size);
  }
  return true;
}

} // namespace

int print(const value& v, bool as_json) {
  auto text = as_json ? to_json(v) : repr(v);
  if (!text && as_json)
    text.error().message += ": leave out --json to print it as a Python literal";
  if (!text) return report(text.error());
  return print_text(*text + "\n");
}

std::string displayable(std::string_view text) {
  return is_plain(text) ? std::string{text} : brief(value{text}, 4096);
}

} // namespace patio::apps
