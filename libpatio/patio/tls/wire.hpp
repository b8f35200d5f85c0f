/// Where an engine's SSL reads and writes: the bytes of the call it is in, and a string. Unlike
/// OpenSSL's memory BIO it copies no input and keeps no memory. Internal: for tls_*.cpp only.
#pragma once

#include <string>
#include <string_view>

#include <patio/tls/handles.hpp>

namespace patio::tls {

struct tls_wire {
  std::string_view input; ///< not yet read; when it is empty, the SSL wants more
  std::string output;
};

/// For SSL_set_bio, twice. The wire must outlive it.
[[nodiscard]] bio_handle bio_over(tls_wire& wire);

} // namespace patio::tls
