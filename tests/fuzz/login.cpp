// Payloads of the login and of discovery. The first byte chooses the kind of payload, and the other
// bytes are the payload.
#include <patio/base/digest.hpp>
#include <patio/convert/containers.hpp>
#include <patio/pickle/pickle.hpp>
#include <patio/protocol/extensions.hpp>
#include <patio/protocol/login.hpp>

#include "fuzz.hpp"

namespace {

using patio::value;

const std::string challenge = patio::protocol::login_challenge("0123456789abcdef");
constexpr std::string_view key = "secret";

// The login has its own small decoder. It must read the same value as the full decoder.
void check_answer(std::string_view bytes) {
  if (!patio::protocol::check_login(bytes, challenge, key)) return;
  require(!patio::protocol::check_login(bytes, challenge, "another"),
          "a login is valid for one key alone");
  auto v = patio::read_pickle(bytes);
  if (!v) return; // the small decoder ignores a header that CPython refuses, which is harmless
  require(v->kind() == patio::kind::tuple && v->items().size() == 3, "a login is a tuple of three");
  auto parts = v->items();
  for (const auto& part : parts)
    require(part.kind() == patio::kind::bytes, "a login holds byte strings");
  require(parts[0].data().size() <= 8, "a salt has at most 8 bytes");
  require(parts[1].data() == patio::blake2s(challenge, key, parts[0].data()),
          "a login has the digest of the challenge");
  require(parts[2].data() == challenge, "a login has the challenge");
}

// A client answers any challenge without decoding it.
void check_challenge(std::string_view bytes) {
  auto made = patio::protocol::login_answer(bytes, key, "salt");
  require(patio::protocol::check_login(made, bytes, key).has_value(), "any challenge is answered");
  require(!patio::protocol::check_login(made, challenge, key) || bytes == challenge,
          "an answer is valid for one challenge alone");
}

void check_announcement(std::string_view bytes) {
  auto extensions = patio::protocol::read_announcement(bytes, {});
  require(patio::protocol::read_announcement(patio::protocol::announcement(extensions), {})
            == extensions,
          "an announcement is read as it was written");
}

void check_names(std::string_view bytes) {
  auto names = patio::read_pickle(bytes).and_then(patio::from_value<std::vector<std::string>>);
  if (!names) return;
  std::string again;
  if (!patio::write_pickle(patio::to_value(*names), again)) return;
  auto read = patio::read_pickle(again).and_then(patio::from_value<std::vector<std::string>>);
  require(read && *read == *names, "names that are written and read are unchanged");
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  auto kind = input.byte();
  auto bytes = input.rest();
  switch (kind % 4) {
  case 0: check_answer(bytes); break;
  case 1: check_challenge(bytes); break;
  case 2: check_announcement(bytes); break;
  default: check_names(bytes);
  }
  return 0;
}
