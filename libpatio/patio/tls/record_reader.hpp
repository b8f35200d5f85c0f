/// Cuts a stream into TLS records, so that an SSL sees only whole records. As soon as an SSL has
/// read one byte of a record, it allocates room for the largest record (16 KiB), and keeps that
/// room until it has the rest.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace patio::tls {

class record_reader {
public:
  /// Removes the bytes of the next record from `bytes`. Returns the record once it is whole, and
  /// nothing before that. The returned view is valid until the next call.
  ///
  /// Returns bytes that do not begin a record as they come, and everything after them: the SSL
  /// refuses them at their header.
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
