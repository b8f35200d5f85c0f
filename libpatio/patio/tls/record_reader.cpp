#include <patio/tls/record_reader.hpp>

#include <algorithm>

namespace patio::tls {
namespace {

constexpr std::size_t header_size = 5; // RFC 8446, 5.1
/// The largest content of a record that OpenSSL accepts in any version of TLS, in bytes.
constexpr std::size_t max_content = (std::size_t{16} << 10) + 320;
constexpr char major_version = 3;
constexpr std::size_t growth = 1024; // bytes

std::size_t content_size(std::string_view header) {
  auto byte = [&](std::size_t i) {
    return static_cast<std::size_t>(static_cast<unsigned char>(header[i]));
  };
  return byte(3) << 8 | byte(4);
}

bool begins_record(std::string_view header) {
  return header[1] == major_version && content_size(header) <= max_content;
}

} // namespace

std::string_view record_reader::next(std::string_view& bytes) {
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

void record_reader::release() noexcept {
  if (returned_) std::string{}.swap(held_);
  returned_ = false;
}

/// Returns the size of the record that begins with `begun`, or the size of a header until the
/// header is complete. If the bytes do not begin a record, returns the size of `begun`.
std::size_t record_reader::record_size(std::string_view begun) {
  if (!broken_ && begun.size() < header_size) return header_size;
  broken_ = broken_ || !begins_record(begun);
  return broken_ ? begun.size() : header_size + content_size(begun);
}

/// Moves bytes into `held_` until it has `size` bytes. Reserves the memory itself, because a
/// growing string would reserve twice as much.
void record_reader::keep(std::string_view& bytes, std::size_t size) {
  auto part = bytes.substr(0, size - held_.size());
  if (auto wanted = held_.size() + part.size(); wanted > held_.capacity()) {
    std::string larger;
    larger.reserve(std::min(size, (wanted + growth - 1) / growth * growth));
    larger += held_;
    held_.swap(larger);
  }
  held_ += part;
  bytes.remove_prefix(part.size());
}

} // namespace patio::tls
