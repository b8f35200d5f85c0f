/// Reads TLS options from PEM files, on any thread.
#pragma once

#include <string>

#include <patio/base/api.hpp>
#include <patio/tls/tls.hpp>

namespace PATIO_API patio {

/// Paths of PEM files. An empty path leaves the option empty.
struct tls_files {
  std::string authorities{}; ///< the authorities to trust
  std::string certificate{}; ///< the node's own chain, leaf first
  std::string private_key{};
  std::string revoked{}; ///< certificate revocation lists
};

/// Fails with errc::invalid. The message names the file and the reason.
[[nodiscard]] result<tls_options> read_tls_files(const tls_files& files);

/// Returns the content of a file. Fails with errc::invalid for more than `max_bytes`. Does not use
/// a std::ifstream, because its buffer would keep a copy of the secret.
[[nodiscard]] result<secret> read_secret_file(const std::string& path,
                                              std::size_t max_bytes = std::size_t{1} << 20);

} // namespace patio
