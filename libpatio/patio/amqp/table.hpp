/// Tables of AMQP 0-9-1 in RabbitMQ's dialect: named fields of many types, for headers, properties
/// of a connection and arguments of a queue. All types are value types.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <patio/value/error.hpp>

namespace patio::amqp {

struct field;
struct table_entry;
using array = std::vector<field>;
using table = std::vector<table_entry>;

struct decimal {
  std::uint8_t scale = 0;
  std::uint32_t digits = 0;
  friend bool operator==(const decimal&, const decimal&) = default;
};
struct timestamp {
  std::uint64_t seconds = 0; ///< since 1970
  friend bool operator==(const timestamp&, const timestamp&) = default;
};
struct octets {
  std::string bytes;
  friend bool operator==(const octets&, const octets&) = default;
};

/// Converts from every type of `content_type`.
struct field {
  using content_type = std::variant<std::monostate, bool, std::int64_t, double, decimal, timestamp,
                                    octets, std::string, array, table>;
  content_type content;

  field();
  template <class T>
    requires(!std::same_as<std::remove_cvref_t<T>, field>)
  field(T&& c) : content{std::forward<T>(c)} {}
  // Defined where table_entry is complete.
  field(const field&);
  field(field&&) noexcept;
  field& operator=(const field&);
  field& operator=(field&&) noexcept;
  ~field();
  friend bool operator==(const field&, const field&);
};

struct table_entry {
  std::string name;
  field value;
  friend bool operator==(const table_entry&, const table_entry&) = default;
};

inline field::field() = default;
inline field::field(const field&) = default;
inline field::field(field&&) noexcept = default;
inline field& field::operator=(const field&) = default;
inline field& field::operator=(field&&) noexcept = default;
inline field::~field() = default;
inline bool operator==(const field& a, const field& b) { return a.content == b.content; }

/// Returns the first field of that name, or null.
[[nodiscard]] const field* find(const table& all, std::string_view name) noexcept;
/// Returns the text of the field, or an empty text if the field is not a text.
[[nodiscard]] std::string_view text_of(const field& f) noexcept;

/// The bounds of a table that comes from the broker, which may pass on the headers of anybody.
struct table_limits {
  unsigned depth = 8;        ///< nested tables and arrays
  std::size_t fields = 1024; ///< of the table and all nested tables and arrays
};

/// Reads a table from its bytes without the length in front. Fails with errc::protocol.
[[nodiscard]] result<table> read_table(std::string_view bytes, const table_limits& limits = {});

/// Returns the bytes of a table without the length in front. Integers get the smallest type, as
/// pamqp writes them. Throws std::length_error for a name of more than 255 bytes.
[[nodiscard]] std::string encoded(const table& t);

} // namespace patio::amqp
