/// Writes pickles into memory that the caller has, without a copy in between. The bytes and the
/// errors are the same as those of write_pickle and write_call_request. Any thread may call these
/// functions.
#pragma once

#include <cstddef>
#include <span>

#include <patio/base/api.hpp>
#include <patio/pickle/pickle.hpp>

namespace PATIO_INTERNAL_API patio {

/// Writes a pickle to the front of `memory`, and returns its size. Fails with limit::frame_bytes if
/// the pickle has more bytes than `memory`. After an error, the content of the memory is
/// unspecified.
[[nodiscard]] result<std::size_t> write_pickle_in_place(const value& v, std::span<char> memory,
                                                        const python_types& types = {});

/// Writes the payload of a REQUEST in the same way.
[[nodiscard]] result<std::size_t> write_call_request_in_place(const call_request& request,
                                                              std::span<char> memory,
                                                              const python_types& types = {});

} // namespace patio
