#include <patio/redis/settings.hpp>

#include <algorithm>
#include <charconv>

#include <patio/value/repr.hpp>

namespace patio::redis {
namespace {

result<std::uint32_t> read_database(std::string_view text) {
  std::uint32_t n = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (ec != std::errc{} || end != text.data() + text.size())
    return fail(errc::invalid, "the broker URL is not valid: the database " + quoted(text)
                                 + " is not a number; write redis://HOST:PORT/NUMBER");
  return n;
}

} // namespace

result<void> set_url(settings& s, broker_url url) {
  if (url.scheme != broker_scheme::redis && url.scheme != broker_scheme::rediss)
    return fail(errc::invalid, "the scheme of a Redis URL is redis or rediss, not "
                                 + std::string{to_string(url.scheme)});
  auto database = url.path;
  for (const auto& [name, text] : url.query) {
    if (name != "db")
      return fail(errc::invalid, "the broker URL is not valid: the parameter " + quoted(name)
                                   + " is not supported, only db; TLS files, timeouts and limits "
                                     "are options of the node");
    if (database.empty()) database = text;
  }
  auto number = read_database(database.empty() ? "0" : database);
  if (!number) return tl::unexpected(std::move(number.error()));
  s.database = *number;
  s.url = std::move(url);
  return {};
}

std::string uuid_text(std::string_view bytes) {
  std::string out;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    auto byte = static_cast<unsigned char>(bytes[i]);
    out += "0123456789abcdef"[byte >> 4];
    out += "0123456789abcdef"[byte & 15];
  }
  return out;
}

// The names of the keys are in the same reply as a body.
resp_limits resp_limits_of(const patio::limits& limits) noexcept {
  resp_limits r;
  r.reply_bytes = limits.frame_bytes + r.line_bytes;
  // The end of a connection would lose the tasks that the server has popped for its other commands,
  // so every text that a server stores by default is skipped.
  r.skipped_bytes = std::max(limits.skipped_frame_bytes, std::size_t{512} << 20);
  return r;
}

std::string milliseconds_text(std::chrono::nanoseconds d) {
  return std::to_string(std::chrono::ceil<std::chrono::milliseconds>(d).count());
}

std::string seconds_text(std::chrono::nanoseconds d) {
  return std::to_string(std::chrono::ceil<std::chrono::seconds>(d).count());
}

} // namespace patio::redis
