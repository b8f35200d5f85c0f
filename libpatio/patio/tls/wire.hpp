/// The bytes that an engine's SSL reads and writes: the input of the current call, and an output
/// string. Unlike OpenSSL's memory BIO, the wire does not copy the input and keeps no buffer for
/// it.
#pragma once

#include <string>
#include <string_view>

#include <patio/tls/handles.hpp>

namespace patio::tls {

struct wire_bytes {
  std::string_view input; ///< not yet read by the SSL; if this is empty, the SSL must wait for more
  std::string output;
};

/// Returns a BIO for both directions of SSL_set_bio. `wire` must outlive the BIO.
[[nodiscard]] bio_handle bio_over(wire_bytes& wire);

} // namespace patio::tls
