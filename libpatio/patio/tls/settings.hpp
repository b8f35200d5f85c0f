/// The settings that every connection of a context shares.
#pragma once

#include <patio/tls/handles.hpp>
#include <patio/tls/tls.hpp>

namespace patio::tls {

/// The most authorities between a trusted one and the peer's own certificate. A client may also
/// show at most so many certificates in all.
inline constexpr int longest_chain = 8;

[[nodiscard]] result<ssl_ctx_handle> make_ssl_context(const tls_options& options);

} // namespace patio::tls
