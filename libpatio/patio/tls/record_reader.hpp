/// Splits a stream into TLS records, so that OpenSSL sees only complete records. OpenSSL allocates
/// a buffer for the largest record (16 KiB) as soon as it has read one byte of a record, and keeps
/// the buffer until the record is complete.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace patio::tls {

class record_reader {
public:
  /// Removes the bytes of the next record from `bytes`. Returns the record if it is complete,
  /// otherwise an empty view. The returned view is valid until the next call.
  ///
  /// If the bytes do not begin a record, returns these bytes and all later bytes unchanged. OpenSSL
  /// then refuses their header.
  [[nodiscard]] std::string_view next(std::string_view& bytes);

  /// Frees the memory of the returned record.
  void release() noexcept;

private:
  std::size_t record_size(std::string_view begun);
  void keep(std::string_view& bytes, std::size_t size);

  /// The part of a record that has arrived, or the returned record if it came in pieces.
  std::string held_;
  bool returned_ = false, broken_ = false;
};

} // namespace patio::tls
