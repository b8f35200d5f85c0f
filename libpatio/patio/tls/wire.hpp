/// The bytes that an engine's SSL reads and writes: the input of the current call, and an output
/// string. Unlike OpenSSL's memory BIO, the wire copies no input and keeps no memory.
#pragma once

#include <string>
#include <string_view>

#include <patio/tls/handles.hpp>

namespace patio::tls {

struct wire_bytes {
  std::string_view input; ///< the part that the SSL has not read yet; if empty, the SSL wants more
  std::string output;
};

/// Returns a BIO for both directions of SSL_set_bio. The wire must outlive it.
[[nodiscard]] bio_handle bio_over(wire_bytes& wire);

} // namespace patio::tls
