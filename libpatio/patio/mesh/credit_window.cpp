#include <patio/mesh/credit_window.hpp>

namespace patio::mesh {

void credit_window::update(std::uint64_t arrived, std::uint64_t begun,
                           std::chrono::nanoseconds wait) noexcept {
  if (wait > target) {
    if (begun < shrinks_at_) return;
    // The wait is the window's length divided by the speed of the pool, so the quotient is the work
    // of `target`.
    auto fitting = static_cast<double>(size_)
                   * static_cast<double>(std::chrono::nanoseconds{target}.count())
                   / static_cast<double>(wait.count());
    size_ = std::max(bounds_.least, static_cast<std::size_t>(fitting));
    shrinks_at_ = arrived + 1;
    grows_at_.reset();
  } else if (grows_at_ && begun >= *grows_at_) {
    grows_at_.reset();
    if (wait > target / 2) return;
    size_ = std::min(size_ * 2, bounds_.most);
    shrinks_at_ = arrived + 1;
  }
}

} // namespace patio::mesh
