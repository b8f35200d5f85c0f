#include <patio/actors/pool/process_memory.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace patio {
namespace {

/// The worker's descriptors begin at 3, so a descriptor from here on is not overwritten by them.
constexpr int first_descriptor = 10;

tl::unexpected<error> failed(const char* name) {
  return fail(errc::invalid,
              std::string{name} + " failed: " + std::system_category().message(errno));
}

/// The areas begin at multiples of this size.
constexpr std::size_t page = 4096;

constexpr std::size_t whole_pages(std::size_t bytes) noexcept {
  return (bytes + page - 1) / page * page;
}

struct range {
  std::uint32_t begin, size;
};

range unpack(std::uint64_t word) noexcept {
  return {static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
}

std::uint64_t pack(range r) noexcept { return std::uint64_t{r.begin} << 32 | r.size; }

} // namespace

result<process_memory> process_memory::create(std::size_t area_bytes) {
  unique_fd low{::memfd_create("patio worker", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  if (!low) return failed("memfd_create");
  auto bytes = whole_pages(sizeof(layout)) + 2 * whole_pages(area_bytes);
  if (::ftruncate(low.get(), static_cast<off_t>(bytes)) != 0) return failed("ftruncate");
  if (::fcntl(low.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return failed("fcntl(F_ADD_SEALS)");
  unique_fd fd{::fcntl(low.get(), F_DUPFD_CLOEXEC, first_descriptor)};
  if (!fd) return failed("fcntl(F_DUPFD_CLOEXEC)");
  return adopt(std::move(fd));
}

// A process that a function forks must not take requests, so it does not get the memory.
result<process_memory> process_memory::adopt(unique_fd fd) {
  struct stat file {};
  if (::fstat(fd.get(), &file) != 0) return failed("fstat");
  auto bytes = static_cast<std::size_t>(file.st_size);
  if (bytes < whole_pages(sizeof(layout))) return fail(errc::invalid, "it is too small");
  void* shared = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (shared == MAP_FAILED) return failed("mmap");
  process_memory memory;
  memory.fd_ = std::move(fd);
  memory.shared_ = static_cast<layout*>(shared);
  memory.mapped_bytes_ = bytes;
  if (::madvise(shared, bytes, MADV_DONTFORK) != 0) return failed("madvise");
  auto* areas = static_cast<char*>(shared) + whole_pages(sizeof(layout));
  auto each = (bytes - whole_pages(sizeof(layout))) / 2 / page * page;
  memory.requests_ = {{areas, each}, memory.shared_->released_requests};
  memory.answers_ = {{areas + each, each}, memory.shared_->released_answers};
  return memory;
}

process_memory::~process_memory() {
  if (shared_) ::munmap(shared_, mapped_bytes_);
}

void process_memory::clear_areas() noexcept {
  if (area_bytes() == 0) return;
  auto* areas = reinterpret_cast<char*>(shared_) + whole_pages(sizeof(layout));
  (void)::madvise(areas, area_bytes(), MADV_REMOVE);
}

bool process_memory::append(std::string_view answer) noexcept {
  auto at = unpack(shared_->unsent.load(std::memory_order_relaxed));
  if (answer.size() > answer_bytes - at.size) return false;
  std::memcpy(shared_->answers + at.size, answer.data(), answer.size());
  at.size += static_cast<std::uint32_t>(answer.size());
  shared_->unsent.store(pack(at), std::memory_order_release);
  return true;
}

std::string_view process_memory::unsent() const noexcept {
  return {shared_->answers, unpack(shared_->unsent.load(std::memory_order_relaxed)).size};
}

void process_memory::sent(std::size_t more) noexcept {
  auto at = unpack(shared_->unsent.load(std::memory_order_relaxed));
  at = {at.begin + at.size + static_cast<std::uint32_t>(more), 0};
  // The next answers must not be written before the pool can see that these are gone.
  shared_->unsent.exchange(pack(at), std::memory_order_seq_cst);
}

// A damaged worker may have written anything, so the numbers are not trusted.
std::string process_memory::behind(std::uint32_t position) const {
  auto at = unpack(shared_->unsent.load(std::memory_order_acquire));
  auto offset = position - at.begin;
  if (at.size > answer_bytes || offset >= at.size) return {};
  std::string copy{shared_->answers + offset, at.size - offset};
  // This write of the same number keeps the reads above in front of it.
  if (unpack(shared_->unsent.fetch_add(0, std::memory_order_acq_rel)).begin != at.begin) return {};
  return copy;
}

} // namespace patio
