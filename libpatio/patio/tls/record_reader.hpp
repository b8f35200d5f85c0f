/// Cuts a stream into TLS records, so that an SSL is only shown whole ones: it takes room for the
/// largest (16 KiB) as soon as it has read a byte of one, and keeps that until it has the rest.
/// Internal: for tls_*.cpp only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace patio::tls {

class tls_record_reader {
public:
  /// Takes off `bytes` what belongs to the next record. Returns it once it is whole, which holds
  /// until the next call, else nothing. What begins no record is returned as it comes, and all that
  /// is behind it: the SSL refuses that at its header.
  [[nodiscard]] std::string_view next(std::string_view& bytes);

  /// Gives back the memory of the record that was returned.
  void release() noexcept;

private:
  std::size_t record_size(std::string_view begun);
  void keep(std::string_view& bytes, std::size_t size);

  std::string held_; // what has come of a record that is not whole, or one that came in pieces and
                     // was returned
  bool returned_ = false, broken_ = false;
};

} // namespace patio::tls
