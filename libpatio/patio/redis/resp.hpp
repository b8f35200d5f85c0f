/// RESP2, the protocol of Redis: reads replies from bytes that are cut anywhere, and writes
/// commands. Every limit is checked before memory is used, and a claimed length reserves nothing. A
/// reader belongs to one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <patio/value/error.hpp>

namespace patio::redis {

/// One reply.
struct resp {
  enum class type : std::uint8_t { null, text, error, integer, bulk, array };
  type kind = type::null;
  std::string text = {};        ///< of a text, an error or a bulk
  std::int64_t number = 0;      ///< of an integer
  std::vector<resp> items = {}; ///< of an array
  /// The claimed size of a bulk that is over the limit. Its bytes were skipped, and `text` is
  /// empty.
  std::size_t skipped_bytes = 0;

  friend bool operator==(const resp&, const resp&) = default;
};

struct resp_limits {
  std::size_t reply_bytes = std::size_t{16} << 20;   ///< of the texts of one reply together
  std::size_t skipped_bytes = std::size_t{64} << 20; ///< a longer bulk is an error
  std::size_t line_bytes = std::size_t{64} << 10;    ///< of a line with its end
  std::size_t items = 4096;                          ///< of all arrays of one reply together
  std::size_t depth = 4;                             ///< of nested arrays
};

class resp_reader {
public:
  explicit resp_reader(const resp_limits& limits) : limits_{limits} {}

  /// Appends the replies that these bytes complete. Fails with errc::protocol if the bytes are not
  /// RESP2 or exceed a limit; the connection must then end.
  [[nodiscard]] result<void> read(std::string_view bytes, std::vector<resp>& replies);

private:
  enum class state : std::uint8_t { line, bulk, bulk_end };
  struct open_array {
    resp array;
    std::size_t missing; ///< items
  };

  [[nodiscard]] result<void> read_line(std::string_view& bytes, std::vector<resp>& replies);
  [[nodiscard]] result<void> end_line(std::vector<resp>& replies);
  [[nodiscard]] result<void> begin_bulk(std::string_view digits, std::vector<resp>& replies);
  [[nodiscard]] result<void> begin_array(std::string_view digits, std::vector<resp>& replies);
  void read_bulk(std::string_view& bytes);
  [[nodiscard]] result<void> read_bulk_end(std::string_view& bytes, std::vector<resp>& replies);
  [[nodiscard]] result<void> complete(resp done, std::vector<resp>& replies);

  resp_limits limits_;
  state state_ = state::line;
  std::string line_;      ///< an unfinished line
  resp bulk_;             ///< an unfinished bulk
  std::size_t left_ = 0;  ///< bytes of the bulk or of its line end that are missing
  std::size_t held_ = 0;  ///< bytes of the texts of the unfinished reply
  std::size_t items_ = 0; ///< items of the arrays of the unfinished reply
  std::vector<open_array> arrays_;
};

/// Appends a command.
void append_command(std::string& out, std::span<const std::string_view> parts);

inline void append_command(std::string& out, std::initializer_list<std::string_view> parts) {
  append_command(out, std::span<const std::string_view>{parts.begin(), parts.size()});
}

} // namespace patio::redis
