#include <patio/base/digest.hpp>

#include <blake2.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <stdexcept>

namespace patio {

std::string blake2s(std::string_view data, std::string_view key, std::string_view salt) {
  if (key.size() > BLAKE2S_KEYBYTES)
    throw std::invalid_argument{"a key has at most 32 bytes, not " + std::to_string(key.size())};
  if (salt.size() > BLAKE2S_SALTBYTES) throw std::invalid_argument{"a salt has at most 8 bytes"};
  blake2s_param param{};
  param.digest_length = BLAKE2S_OUTBYTES;
  param.key_length = static_cast<std::uint8_t>(key.size());
  param.fanout = param.depth = 1;
  std::copy(salt.begin(), salt.end(), param.salt);
  blake2s_state state;
  blake2s_init_param(&state, &param);
  if (!key.empty()) { // the keyed form hashes the zero-padded key as its first block
    unsigned char block[BLAKE2S_BLOCKBYTES] = {};
    std::copy(key.begin(), key.end(), block);
    blake2s_update(&state, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
  }
  blake2s_update(&state, reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
  std::string digest(BLAKE2S_OUTBYTES, '\0');
  blake2s_final(&state, reinterpret_cast<std::uint8_t*>(digest.data()), digest.size());
  OPENSSL_cleanse(&state, sizeof state);
  return digest;
}

std::string base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                reinterpret_cast<const unsigned char*>(bytes.data()),
                                static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  text.resize(text.find_last_not_of('=') + 1);
  return text;
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string random_bytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1)
    throw std::runtime_error{"OpenSSL could not generate random bytes"};
  return bytes;
}

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  for (char c : random_bytes(sizeof seed)) seed = (seed << 8) | static_cast<unsigned char>(c);
  return seed;
}

} // namespace patio
