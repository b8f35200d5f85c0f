#include <patio/actors/os/huge_pages.hpp>

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

#include <patio/base/large_memory.hpp>

namespace patio {
namespace {

// The advice applies to whole pages. It changes no content, so it can cover the neighbours in the
// first and the last page, but it must not go beyond them.
void advise(void* memory, std::size_t bytes) noexcept {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  auto begin = reinterpret_cast<std::uintptr_t>(memory), end = begin + bytes;
  begin = (begin + page - 1) & ~(page - 1);
  end &= ~(page - 1);
  if (begin < end) (void)::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
}

} // namespace

void use_huge_pages() noexcept { large_memory_advice = advise; }

} // namespace patio
