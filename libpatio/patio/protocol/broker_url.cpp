#include <patio/protocol/broker_url.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace patio {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

struct scheme_row {
  std::string_view name;
  std::uint16_t port;
};

/// In the order of broker_scheme.
constexpr std::array<scheme_row, 4> schemes{
  {{"amqp", 5672}, {"amqps", 5671}, {"redis", 6379}, {"rediss", 6379}}};

tl::unexpected<error> wrong(const std::string& why) {
  return fail(errc::invalid, "the broker URL is not valid: " + why
                               + "; write SCHEME://USER:PASSWORD@HOST:PORT/PATH, for example "
                                 "redis://127.0.0.1:6379/0 or amqp://127.0.0.1:5672/");
}

int hex_digit(char c) {
  auto at = "0123456789abcdef"sv.find(c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// Returns nothing if a % is not followed by two hexadecimal digits. The result never grows, so
/// that no copy of a password is left behind.
std::optional<std::string> decode(std::string_view text, bool plus_is_space = false) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '+' && plus_is_space) c = ' ';
    if (c == '%') {
      int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) {
        wipe(out);
        return {};
      }
      c = static_cast<char>(high * 16 + low);
      i += 2;
    }
    out += c;
  }
  return out;
}

constexpr auto percent_fault = " has a % without two hexadecimal digits after it (write %25)";

result<void> read_user(broker_url& url, std::string_view text) {
  auto colon = text.find(':');
  auto user = decode(text.substr(0, colon));
  if (!user) return wrong("the user"s + percent_fault);
  url.user = std::move(*user);
  auto password = decode(colon == std::string_view::npos ? ""sv : text.substr(colon + 1));
  if (!password) return wrong("the password"s + percent_fault);
  url.password = secret{std::move(*password)};
  if (url.user.find('\0') != std::string::npos
      || url.password.view().find('\0') != std::string_view::npos)
    return wrong("the user and the password cannot have a zero byte");
  return {};
}

result<void> read_query(broker_url& url, std::string_view text) {
  while (!text.empty()) {
    auto part = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), part.size() + 1));
    if (part.empty()) continue;
    auto equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0)
      return wrong("a parameter after the ? is not NAME=VALUE");
    auto name = decode(part.substr(0, equals), true);
    auto text_value = decode(part.substr(equals + 1), true);
    if (!name || !text_value) return wrong("a parameter after the ?"s + percent_fault);
    for (const auto& [earlier, unused] : url.query)
      if (earlier == *name) return wrong("a parameter after the ? is given twice");
    url.query.emplace_back(std::move(*name), std::move(*text_value));
  }
  return {};
}

std::optional<broker_scheme> read_scheme(std::string_view text) {
  for (std::size_t i = 0; i < schemes.size(); ++i)
    if (text == schemes[i].name) return static_cast<broker_scheme>(i);
  return {};
}

/// Reads "USER:PASSWORD@HOST:PORT". A slash in a password ends this part too early, so the message
/// about the host does not quote it.
result<void> read_authority(broker_url& url, std::string_view text, bool at_sign_follows) {
  if (at_sign_follows)
    return wrong("there is an @ after the first / or ?; in a user or a password, write %2F for /, "
                 "%3F for ? and %40 for @");
  auto at = text.rfind('@');
  if (at != std::string_view::npos) {
    if (auto ok = read_user(url, text.substr(0, at)); !ok) return ok;
    text.remove_prefix(at + 1);
  }
  auto where = read_endpoint(text, default_port_of(url.scheme));
  if (!where) return wrong(where.error());
  if (where->port == 0) return wrong("the port is not a number from 1 to 65535");
  url.where = std::move(*where);
  return {};
}

} // namespace

std::string_view to_string(broker_scheme scheme) noexcept {
  return schemes.at(static_cast<std::size_t>(scheme)).name;
}

bool uses_tls(broker_scheme scheme) noexcept {
  return scheme == broker_scheme::amqps || scheme == broker_scheme::rediss;
}

std::uint16_t default_port_of(broker_scheme scheme) noexcept {
  return schemes.at(static_cast<std::size_t>(scheme)).port;
}

result<broker_url> parse_broker_url(std::string_view text) {
  auto colon = text.find("://"sv);
  auto scheme = read_scheme(text.substr(0, colon));
  if (colon == std::string_view::npos || !scheme)
    return wrong("its scheme is not amqp, amqps, redis or rediss");
  broker_url url{.scheme = *scheme};
  auto rest = text.substr(colon + 3);
  if (rest.find('#') != std::string_view::npos)
    return wrong("it has a #, which a user, password or path must write as %23");
  auto end = std::min(rest.find_first_of("/?"sv), rest.size());
  auto path = rest.substr(end);
  auto authority = rest.substr(0, end);
  if (auto ok = read_authority(url, authority, path.find('@') != std::string_view::npos); !ok)
    return tl::unexpected(std::move(ok.error()));
  auto question = std::min(path.find('?'), path.size());
  auto query = path.substr(std::min(question + 1, path.size()));
  path = path.substr(0, question);
  if (path.starts_with('/')) path.remove_prefix(1);
  auto decoded = decode(path);
  if (!decoded) return wrong("the path"s + percent_fault);
  url.path = std::move(*decoded);
  if (auto ok = read_query(url, query); !ok) return tl::unexpected(std::move(ok.error()));
  return url;
}

bool has_password(std::string_view text) noexcept {
  auto begin = text.find("://"sv);
  auto rest = begin == std::string_view::npos ? text : text.substr(begin + 3);
  auto at = rest.rfind('@');
  if (at != std::string_view::npos && rest.substr(0, at).find(':') != std::string_view::npos)
    return true;
  return text.find("password="sv) != std::string_view::npos;
}

std::string to_string(const broker_url& url) {
  auto text = std::string{to_string(url.scheme)} + "://";
  if (!url.user.empty()) text += url.user + "@";
  text += to_string(url.where);
  if (!url.path.empty()) text += "/" + url.path;
  return text;
}

} // namespace patio
