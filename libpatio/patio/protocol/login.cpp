#include <patio/protocol/login.hpp>

#include <array>
#include <utility>

#include <patio/base/digest.hpp>
#include <patio/pickle/pickle.hpp>

namespace patio::protocol {
namespace {

/// A pickle reader for nothing but a tuple of three byte strings, as protocols 3 to 5 write it.
class login_parser {
public:
  explicit login_parser(std::string_view pickle) : rest_{pickle} {}

  [[nodiscard]] std::optional<std::array<std::string_view, 3>> read() {
    while (!rest_.empty()) {
      auto opcode = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      if (opcode == '.') return closed_ && count_ == 3 ? std::optional{strings_} : std::nullopt;
      if (!step(opcode)) return {};
    }
    return {};
  }

private:
  bool step(unsigned char opcode) {
    switch (opcode) {
    case 0x80: return skip(1);                                     // PROTO
    case 0x95: return skip(8);                                     // FRAME
    case 0x94: return true;                                        // MEMOIZE
    case 'q': return skip(1);                                      // BINPUT
    case '(': return !std::exchange(marked_, true) && count_ == 0; // MARK
    case 'C': return push(1);                                      // SHORT_BINBYTES
    case 'B': return push(4);                                      // BINBYTES
    case 't': return marked_ && close();                           // TUPLE
    case 0x87: return !marked_ && close();                         // TUPLE3
    default: return false;
    }
  }

  bool close() { return !std::exchange(closed_, true) && count_ == 3; }

  bool skip(std::size_t n) {
    if (rest_.size() < n) return false;
    rest_.remove_prefix(n);
    return true;
  }

  bool push(std::size_t length_bytes) {
    if (closed_ || count_ == 3 || rest_.size() < length_bytes) return false;
    std::size_t length = 0;
    for (std::size_t i = length_bytes; i-- > 0;)
      length = (length << 8) | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(length_bytes);
    if (rest_.size() < length) return false;
    strings_[count_++] = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return true;
  }

  std::string_view rest_;
  std::array<std::string_view, 3> strings_;
  std::size_t count_ = 0;
  bool marked_ = false, closed_ = false;
};

std::string pickled(const value& v) {
  std::string out;
  // This cannot fail: the value consists of short byte strings.
  (void)write_pickle(v, out);
  return out;
}

} // namespace

std::string login_challenge(std::string_view token) { return pickled(value::bytes(token)); }

std::string login_answer(std::string_view challenge, std::string_view key, std::string_view salt) {
  return pickled(value::tuple(
    {value::bytes(salt), value::bytes(blake2s(challenge, key, salt)), value::bytes(challenge)}));
}

result<std::size_t> check_login(std::string_view answer, std::string_view challenge,
                                std::span<const secret> keys) {
  auto parts = login_parser{answer}.read();
  if (!parts) return fail(errc::login_refused, "the login is not a tuple of three byte strings");
  auto [salt, digest, token] = *parts;
  if (salt.size() > 8) return fail(errc::login_refused, "the login's salt has more than 8 bytes");
  if (!equal_in_constant_time(token, challenge))
    return fail(errc::login_refused, "the login does not answer the challenge that was sent");
  auto proved = keys.size();
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (equal_in_constant_time(digest, blake2s(challenge, keys[i].view(), salt))) proved = i;
  if (proved == keys.size()) return fail(errc::login_refused, "wrong key");
  return proved;
}

result<void> check_key(std::string_view key) {
  if (key.size() <= longest_key) return {};
  return fail(errc::invalid, "a key has at most 32 bytes, not " + std::to_string(key.size()));
}

} // namespace patio::protocol
