#include <patio/base/secret.hpp>

#include <openssl/crypto.h>

namespace patio {

secret::secret(std::string_view bytes) {
  auto wipe_and_delete = [](std::string* s) {
    wipe(*s);
    delete s;
  };
  bytes_ = {new std::string{bytes}, wipe_and_delete};
}

secret::secret(std::string&& bytes) : secret{std::string_view{bytes}} { wipe(bytes); }

void wipe(std::string& bytes) noexcept {
  OPENSSL_cleanse(bytes.data(), bytes.size());
  bytes.clear();
}

} // namespace patio
