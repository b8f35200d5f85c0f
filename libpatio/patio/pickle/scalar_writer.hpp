/// Writes the parts of a pickle that contain no other values: numbers, texts and memo references.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include <patio/pickle/call_opening.hpp>
#include <patio/pickle/output.hpp>
#include <patio/pickle/written_memo.hpp>
#include <patio/value/value.hpp>

namespace patio::pickle {

/// Writes to its own output, and counts the memo entries that the reader of the pickle will have.
class scalar_writer {
public:
  explicit scalar_writer(std::size_t max_bytes) noexcept : out_{max_bytes} {}
  explicit scalar_writer(std::span<char> memory) noexcept : out_{memory} {}

  [[nodiscard]] output& out() noexcept { return out_; }
  /// Returns the number of memo entries so far, which is the index of the next entry.
  [[nodiscard]] std::uint32_t memoized() const noexcept { return memoized_; }
  /// Returns true if a text was not UTF-8. Such a pickle must not be sent.
  [[nodiscard]] bool has_bad_text() const noexcept { return has_bad_text_; }

  /// Makes the reader of the pickle store the last value in its memo.
  void memoize() {
    out_.put(opcode::memoize);
    ++memoized_;
  }
  /// Does the same, and remembers the memo index of `v`, which was the last value.
  void memoize(const value& v) {
    if (!value_access::is_sole(v)) memo_.insert(v, memoized_);
    memoize();
  }
  /// Writes a memo reference if `v` is in the memo. Returns false if `v` is not in the memo. A
  /// value that nothing else shares occurs once, and is never in the memo.
  bool save_again(const value& v) {
    if (value_access::is_sole(v)) return false;
    auto index = memo_.find(v);
    if (index) save_index(*index);
    return index.has_value();
  }
  void save_index(std::uint32_t index);

  void save_integer(const value& v);
  void save_real(double d);
  /// Writes a str, bytes or bytearray that is not in the memo.
  void save_text(const value& v);
  /// Writes a str, bytes or bytearray that CPython makes anew each time it pickles an object. The
  /// text enters the reader's memo, but no later reference uses the entry.
  void save_fresh_text(const value& v);
  /// Writes a str that the caller does not hold as a value.
  void save_name(std::string_view name);
  /// Writes a text without memoizing it. The caller must memoize the text.
  void save_characters(kind k, std::string_view chars);
  /// Writes the beginning of a CallRequest, up to the MARK for its fields.
  void save_call_opening();

private:
  template <class Length>
  void save_counted(opcode op, Length length, std::string_view chars);

  output out_;
  written_memo memo_;
  std::uint32_t memoized_ = 0;
  bool has_bad_text_ = false;
};

} // namespace patio::pickle
