/// Huge pages for large memory: 2 MiB instead of 4 KiB, so that the first write to the memory costs
/// far fewer page faults.
#pragma once

namespace patio {

/// From now on, values of this process that are large get huge pages where the kernel has them
/// (large_memory_advice). Without them, nothing changes.
void use_huge_pages() noexcept;

} // namespace patio
