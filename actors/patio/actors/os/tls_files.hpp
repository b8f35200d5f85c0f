/// TLS options from PEM files. No CAF, any thread.
#pragma once

#include <string>

#include <patio/tls/tls.hpp>

namespace patio {

/// Paths; an empty one leaves the option empty.
struct tls_files {
  std::string authorities{}; ///< whom to believe
  std::string certificate{}; ///< one's own chain, leaf first
  std::string private_key{};
  std::string revoked{}; ///< certificate revocation lists
};

/// Fails with errc::invalid, naming the file that cannot be read and why.
[[nodiscard]] result<tls_options> read_tls_files(const tls_files& files);

/// A whole file, up to `longest` bytes, that no buffer of a stream has a copy of.
[[nodiscard]] result<secret> read_secret_file(const std::string& path,
                                              std::size_t longest = std::size_t{1} << 20);

} // namespace patio
