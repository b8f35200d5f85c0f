#include <patio/value/literal_cursor.hpp>

#include <algorithm>
#include <unordered_set>

#include <patio/base/utf8.hpp>
#include <patio/value/repr.hpp>

namespace patio::detail {
namespace {

bool in_word(char c) noexcept {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

} // namespace

bool literal_cursor::take(char c) noexcept {
  bool here = !at_end() && peek() == c;
  if (here) ++at_;
  return here;
}

bool literal_cursor::take(std::string_view word) noexcept {
  bool here = rest().starts_with(word);
  if (here) at_ += word.size();
  return here;
}

void literal_cursor::skip_space() noexcept {
  at_ = std::min(text_.find_first_not_of(" \t\r\n\f", at_), text_.size());
}

std::string_view literal_cursor::word() const noexcept {
  auto text = rest();
  return text.substr(0, static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), in_word)
                                                 - text.begin()));
}

std::string literal_cursor::found_at(std::size_t offset) const {
  if (offset >= text_.size()) return "the end";
  auto here = literal_cursor{text_.substr(offset)};
  auto found = here.word();
  if (found.empty())
    found = here.rest().substr(0, std::max<std::size_t>(1, decode_utf8(here.rest()).size));
  return brief(value{found}, 40);
}

std::string literal_cursor::message_at(std::size_t offset, std::string_view expected,
                                       const std::optional<std::string>& found) const {
  return "at byte " + std::to_string(offset) + ": expected " + std::string{expected} + ", found "
         + (found ? *found : found_at(offset));
}

bool literal_cursor::fail(std::size_t offset, std::string_view expected,
                          std::optional<std::string> found) {
  if (message_.empty()) message_ = message_at(offset, expected, found);
  return false;
}

bool literal_cursor::refuse(std::size_t offset, std::string_view expected,
                            std::optional<std::string> found) {
  if (refusal_.empty()) refusal_ = message_at(offset, expected, found);
  return true;
}

void refuse_repeated_name(literal_cursor& in, std::size_t offset,
                          std::span<const dict_entry> entries) {
  std::unordered_set<std::string_view> names;
  for (const auto& [key, mapped] : entries)
    if (key.is_text() && !names.insert(key.text()).second)
      in.refuse(offset, "every key once in this dict", brief(key, 40) + " twice");
}

} // namespace patio::detail
