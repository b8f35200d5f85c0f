#include <patio/tls/record_reader.hpp>

#include <algorithm>

namespace patio::tls {
namespace {

// RFC 8446, 5.1; of content OpenSSL takes no more, whatever the version.
constexpr std::size_t header_size = 5;
constexpr std::size_t most_content = (std::size_t{16} << 10) + 320;
constexpr char major_version = 3;
constexpr std::size_t step = 1024; // of room

std::size_t content_size(std::string_view header) {
  auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(header[i]));
  };
  return byte(3) << 8 | byte(4);
}

bool begins_record(std::string_view header) {
  return header[1] == major_version && content_size(header) <= most_content;
}

} // namespace

std::string_view tls_record_reader::next(std::string_view& bytes) {
  release();
  if (held_.empty()) {
    if (auto size = record_size(bytes); size <= bytes.size()) {
      auto record = bytes.substr(0, size);
      bytes.remove_prefix(size);
      return record;
    }
  }
  while (held_.size() < record_size(held_)) {
    if (bytes.empty()) return {};
    keep(bytes, record_size(held_));
  }
  returned_ = true;
  return held_;
}

void tls_record_reader::release() noexcept {
  if (returned_) std::string{}.swap(held_);
  returned_ = false;
}

/// Of the record that begins so; of its header while that is not whole.
std::size_t tls_record_reader::record_size(std::string_view begun) {
  if (!broken_ && begun.size() < header_size) return header_size;
  broken_ = broken_ || !begins_record(begun);
  return broken_ ? begun.size() : header_size + content_size(begun);
}

/// At most as much as completes `size` bytes. A string that grows by itself would take twice the
/// room.
void tls_record_reader::keep(std::string_view& bytes, std::size_t size) {
  auto part = bytes.substr(0, size - held_.size());
  if (auto wanted = held_.size() + part.size(); wanted > held_.capacity()) {
    std::string larger;
    larger.reserve(std::min(size, (wanted + step - 1) / step * step));
    larger += held_;
    held_.swap(larger);
  }
  held_ += part;
  bytes.remove_prefix(part.size());
}

} // namespace patio::tls
