#include <patio/redis/key_type.hpp>

#include <utility>

#include <patio/value/repr.hpp>

namespace patio::redis {

key_type read_key_type(std::uint64_t owner, std::string key, const resp& reply) {
  if (reply.kind == resp::type::text) return {owner, std::move(key), reply.text, {}};
  error why{errc::connect_failed,
            "a key that BLPOP names is no list, and the server does not tell which one; give the "
            "user the right to TYPE: "
              + quoted(reply.text, 200),
            {}};
  return {owner, std::move(key), {}, std::move(why)};
}

bool is_wrong_type(const resp& reply) noexcept {
  return reply.kind == resp::type::error && reply.text.starts_with("WRONGTYPE");
}

} // namespace patio::redis
