/// What every connection of a context is held to. Internal: for tls_*.cpp only.
#pragma once

#include <patio/tls/handles.hpp>
#include <patio/tls/tls.hpp>

namespace patio::tls {

/// Certificates of authorities between one that is trusted and the peer's own; and of all that a
/// client may show.
inline constexpr int longest_chain = 8;

[[nodiscard]] result<ssl_ctx_handle> make_ssl_context(const tls_options& options);

} // namespace patio::tls
