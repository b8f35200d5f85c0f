/// The settings of a context, which all its connections share.
#pragma once

#include <patio/tls/handles.hpp>
#include <patio/tls/tls.hpp>

namespace patio::tls {

/// The maximum number of authorities between a trusted authority and the peer's own certificate. It
/// is also the maximum number of certificates that a client may send.
inline constexpr int longest_chain = 8;

[[nodiscard]] result<ssl_ctx_handle> make_ssl_context(const tls_options& options);

} // namespace patio::tls
