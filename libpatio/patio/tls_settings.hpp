/// What every connection of a context is held to. Internal: for tls_*.cpp only.
#pragma once

#include <patio/tls.hpp>
#include <patio/tls_handles.hpp>

namespace patio {

[[nodiscard]] result<ssl_ctx_handle> make_ssl_context(const tls_options& options);

} // namespace patio
