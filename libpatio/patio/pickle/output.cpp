#include <patio/pickle/output.hpp>

namespace patio::pickle {

void output::grow(std::size_t n) {
  constexpr std::size_t end = 64; // of a pickle whose last value is a large text
  auto capacity = std::max(2 * capacity_, size_ + n + end);
  std::unique_ptr<char[]> larger{new char[capacity]};
  std::memcpy(larger.get(), data_, size_);
  long_ = std::move(larger);
  data_ = long_.get();
  capacity_ = capacity;
}

void output::open_frame() {
  frame_ = size_;
  room(frame_header);
  size_ += frame_header;
}

void output::close_frame() {
  char* header = data_ + frame_;
  std::uint64_t length = size_ - frame_ - frame_header;
  if (length < min_frame) {
    std::memmove(header, header + frame_header, length);
    size_ -= frame_header;
    return;
  }
  *header = static_cast<char>(opcode::frame);
  std::memcpy(header + 1, &length, sizeof length);
}

} // namespace patio::pickle
