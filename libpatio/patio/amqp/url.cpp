#include <patio/amqp/url.hpp>

#include <charconv>

#include <patio/base/utf8.hpp>
#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

tl::unexpected<error> wrong(std::string why) {
  return fail(errc::invalid, "the URL of RabbitMQ is wrong: " + std::move(why));
}

result<std::chrono::seconds> read_heartbeat(std::string_view text) {
  std::uint16_t seconds = 0;
  const auto* end = text.data() + text.size();
  auto [rest, why] = std::from_chars(text.data(), end, seconds);
  if (why != std::errc{} || rest != end)
    return wrong("heartbeat takes a number of seconds from 0 to 65535, not " + quoted(text));
  return std::chrono::seconds{seconds};
}

} // namespace

result<connection_options> connection_options_of(const broker_url& url) {
  if (url.scheme != broker_scheme::amqp && url.scheme != broker_scheme::amqps)
    return wrong("expected amqp:// or amqps://, not " + std::string{to_string(url.scheme)} + "://");
  connection_options options;
  if (!url.user.empty()) {
    options.user = url.user;
    options.password = url.password;
  }
  if (!url.path.empty()) options.virtual_host = url.path;
  if (options.virtual_host.size() > max_short_string || !is_utf8(options.virtual_host))
    return wrong("a virtual host has at most 255 bytes of UTF-8");
  for (const auto& [name, text] : url.query) {
    if (name != "heartbeat")
      return wrong("the parameter " + quoted(name)
                   + " is unknown: only heartbeat is known here, and TLS has its own options");
    auto heartbeat = read_heartbeat(text);
    if (!heartbeat) return tl::unexpected(std::move(heartbeat.error()));
    options.heartbeat = *heartbeat;
  }
  return options;
}

} // namespace patio::amqp
