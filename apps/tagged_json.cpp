#include "tagged_json.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include <patio/value/integer.hpp>

namespace patio::apps {
namespace {

using nlohmann::json;

std::string text_of(const value& v);

std::string tag(std::string_view type, const std::string& content) {
  return R"({"t": ")" + std::string{type} + R"(", "v": )" + content + "}";
}

std::string quoted(const std::string& plain) { return '"' + plain + '"'; }

/// A lone surrogate becomes U+FFFD, because JSON cannot hold it.
std::string escaped(std::string_view text) {
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (auto c : bytes) {
    auto code = static_cast<unsigned char>(c);
    text += {digits[code >> 4], digits[code & 15]};
  }
  return text;
}

std::string real_text(double d) {
  auto bits = std::bit_cast<std::uint64_t>(d);
  std::string bytes(8, '\0');
  for (std::size_t i = 8; i-- > 0; bits >>= 8) bytes[i] = static_cast<char>(bits & 0xff);
  return tag("float", quoted(hex(bytes)));
}

std::string joined(const std::vector<std::string>& texts) {
  std::string all = "[";
  for (const auto& text : texts) all.append(all.size() > 1 ? ", " : "").append(text);
  return all + "]";
}

std::vector<std::string> texts_of(std::span<const value> items) {
  std::vector<std::string> texts;
  for (const auto& item : items) texts.push_back(text_of(item));
  return texts;
}

std::string sorted_set(const value& v) {
  auto texts = texts_of(v.items());
  std::ranges::sort(texts);
  return joined(texts);
}

std::string pairs_of(std::span<const dict_entry> entries) {
  std::vector<std::string> texts;
  for (const auto& [key, mapped] : entries)
    texts.push_back(joined({text_of(key), text_of(mapped)}));
  return joined(texts);
}

std::string exception_text(const value& v) {
  auto content = R"({"type": )" + escaped(v.exception_type()) + R"(, "args": )"
                 + joined(texts_of(v.exception_args()));
  if (!v.exception_notes().empty())
    content += R"(, "notes": )" + joined(texts_of(v.exception_notes()));
  return tag("exception", content + "}");
}

std::string object_text(const object_parts& o) {
  std::string content = R"({"module": )" + escaped(o.module) + R"(, "name": )" + escaped(o.name);
  if (o.made_by == construction::new_only) content += R"(, "bare": true)";
  if (o.made_by == construction::none) content += R"(, "class": true)";
  content += R"(, "args": )" + joined(texts_of(o.args));
  if (!o.items.empty()) content += R"(, "items": )" + joined(texts_of(o.items));
  if (!o.entries.empty()) content += R"(, "entries": )" + pairs_of(o.entries);
  if (!o.state.is_none()) content += R"(, "state": )" + text_of(o.state);
  return tag("object", content + "}");
}

std::string text_of(const value& v) {
  switch (v.kind()) {
  case kind::none: return R"({"t": "none"})";
  case kind::boolean: return tag("bool", v.as_bool() ? "true" : "false");
  case kind::integer: return tag("int", quoted(v.as_integer().decimal()));
  case kind::real: return real_text(v.as_real());
  case kind::complex:
    return tag("complex",
               joined({real_text(v.as_complex().real()), real_text(v.as_complex().imag())}));
  case kind::str: return tag("str", quoted(hex(v.text())));
  case kind::bytes: return tag("bytes", quoted(hex(v.data())));
  case kind::bytearray: return tag("bytearray", quoted(hex(v.data())));
  case kind::list: return tag("list", joined(texts_of(v.items())));
  case kind::tuple: return tag("tuple", joined(texts_of(v.items())));
  case kind::dict: return tag("dict", pairs_of(v.entries()));
  case kind::set: return tag("set", sorted_set(v));
  case kind::frozenset: return tag("frozenset", sorted_set(v));
  case kind::exception: return exception_text(v);
  case kind::object: return object_text(v.as_object());
  }
  return {};
}

tl::unexpected<error> too_large() {
  return fail(errc::invalid,
              "the value is too large: its shared parts would be written each time they occur");
}

std::string unhex(const json& tagged) {
  auto text = tagged.at("v").get<std::string>();
  std::string bytes;
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned code = 0;
    auto [end, failed] = std::from_chars(&text[i], &text[i] + 2, code, 16);
    if (failed != std::errc{} || end != &text[i] + 2)
      throw std::invalid_argument{"not hexadecimal: " + text};
    bytes.push_back(static_cast<char>(code));
  }
  return bytes;
}

double real_from(const json& tagged) {
  std::uint64_t bits = 0;
  for (auto c : unhex(tagged)) bits = (bits << 8) | static_cast<unsigned char>(c);
  return std::bit_cast<double>(bits);
}

value integer_from(const json& tagged) {
  auto i = integer::from_decimal(tagged.at("v").get<std::string>());
  if (!i) throw std::invalid_argument{"not a decimal int: " + tagged.dump()};
  return *i;
}

std::vector<value> items_from(const json& list) {
  std::vector<value> items;
  for (const auto& item : list) items.push_back(value_from_tagged(item));
  return items;
}

value dict_from(const json& list) {
  std::vector<dict_entry> entries;
  for (const auto& pair : list)
    entries.emplace_back(value_from_tagged(pair.at(0)), value_from_tagged(pair.at(1)));
  return value::dict(std::move(entries));
}

value exception_from(const json& content) {
  return value::exception(content.at("type").get<std::string>(), items_from(content.at("args")),
                          items_from(content.value("notes", json::array())));
}

value object_from(const json& content) {
  object_parts parts{.module = content.at("module").get<std::string>(),
                     .name = content.at("name").get<std::string>()};
  if (content.value("bare", false)) parts.made_by = construction::new_only;
  if (content.value("class", false)) parts.made_by = construction::none;
  parts.args = items_from(content.at("args"));
  parts.items = items_from(content.value("items", json::array()));
  for (const auto& pair : content.value("entries", json::array()))
    parts.entries.emplace_back(value_from_tagged(pair.at(0)), value_from_tagged(pair.at(1)));
  if (content.contains("state")) parts.state = value_from_tagged(content.at("state"));
  return value::object(std::move(parts));
}

value leaf_from(const std::string& type, const json& tagged) {
  if (type == "none") return {};
  if (type == "bool") return tagged.at("v").get<bool>();
  if (type == "int") return integer_from(tagged);
  if (type == "float") return real_from(tagged);
  if (type == "complex")
    return std::complex{real_from(tagged.at("v").at(0)), real_from(tagged.at("v").at(1))};
  if (type == "str") return unhex(tagged);
  if (type == "bytes") return value::bytes(unhex(tagged));
  if (type == "bytearray") return value::bytearray(unhex(tagged));
  throw std::invalid_argument{"unknown type: " + type};
}

} // namespace

result<std::string> to_tagged_json(const value& v) {
  if (v.weight() > value::expansion_limit) return too_large();
  return text_of(v);
}

result<std::string> to_tagged_json(const call_request& call) {
  std::uint64_t weight = 0;
  auto light = [&](const value& v) {
    return v.weight() <= value::expansion_limit && (weight += v.weight()) <= value::expansion_limit;
  };
  const auto& [positional, keywords] = call.args;
  bool all_light =
    light(call.timeout) && std::ranges::all_of(positional, light)
    && std::ranges::all_of(keywords, [&](const auto& keyword) { return light(keyword.second); });
  if (!all_light) return too_large();
  std::vector<std::string> pairs;
  for (const auto& [name, v] : keywords) pairs.push_back(joined({escaped(name), text_of(v)}));
  return tag("call", R"({"func": )" + escaped(call.function) + R"(, "args": )"
                       + joined(texts_of(positional)) + R"(, "kwargs": )" + joined(pairs)
                       + R"(, "timeout": )" + text_of(call.timeout) + "}");
}

value value_from_tagged(const json& tagged) {
  auto type = tagged.at("t").get<std::string>();
  if (type == "list") return value::list(items_from(tagged.at("v")));
  if (type == "tuple") return value::tuple(items_from(tagged.at("v")));
  if (type == "set") return value::set(items_from(tagged.at("v")));
  if (type == "frozenset") return value::frozenset(items_from(tagged.at("v")));
  if (type == "dict") return dict_from(tagged.at("v"));
  if (type == "exception") return exception_from(tagged.at("v"));
  if (type == "object") return object_from(tagged.at("v"));
  return leaf_from(type, tagged);
}

call_request call_from_tagged(const json& tagged) {
  const auto& fields = tagged.at("v");
  call_request call{fields.at("func").get<std::string>(),
                    {items_from(fields.at("args")), {}},
                    value_from_tagged(fields.at("timeout"))};
  for (const auto& pair : fields.at("kwargs"))
    call.args.keywords.emplace_back(pair.at(0).get<std::string>(), value_from_tagged(pair.at(1)));
  return call;
}

} // namespace patio::apps
