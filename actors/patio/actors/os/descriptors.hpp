/// The standard descriptors of the process: 0, 1 and 2.
#pragma once

namespace patio {

/// Opens a placeholder for each standard descriptor that is closed. Without one, the next socket or
/// pipe of the process would get the number, and lines for standard error would run into it.
/// Reading or writing a placeholder fails with EBADF, as it does with a closed descriptor.
///
/// The library calls this before main, and again in block_signals() and system_config, because a
/// program may close the descriptors itself.
void occupy_standard_descriptors() noexcept;

} // namespace patio
