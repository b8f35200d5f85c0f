#include <patio/amqp/table.hpp>

#include <bit>
#include <limits>

#include <patio/amqp/wire.hpp>
#include <patio/value/repr.hpp>

namespace patio::amqp {
namespace {

/// Reads nested fields. Recursion is bounded by table_limits::depth.
class table_reader {
public:
  explicit table_reader(const table_limits& limits) noexcept : limits_{limits} {}

  [[nodiscard]] table read(std::string_view bytes) {
    table all;
    byte_reader in{bytes};
    if (depth_ == limits_.depth) {
      refuse("is nested too deep");
      return all;
    }
    ++depth_;
    while (!in.empty() && why_.empty()) {
      std::string name{in.short_string()};
      all.push_back({std::move(name), read_field(in)});
    }
    --depth_;
    if (in.failed()) refuse("is truncated");
    return all;
  }
  [[nodiscard]] const std::string& why() const noexcept { return why_; }

private:
  array read_array(std::string_view bytes) {
    array all;
    byte_reader in{bytes};
    if (depth_ == limits_.depth) {
      refuse("is nested too deep");
      return all;
    }
    ++depth_;
    while (!in.empty() && why_.empty()) all.push_back(read_field(in));
    --depth_;
    if (in.failed()) refuse("is truncated");
    return all;
  }

  template <class Signed>
  static field integer(byte_reader& in) {
    using plain = std::make_unsigned_t<Signed>;
    return {std::int64_t{static_cast<Signed>(in.number<plain>())}};
  }
  template <class Unsigned>
  static field natural(byte_reader& in) {
    return {std::int64_t{in.number<Unsigned>()}};
  }

  field read_field(byte_reader& in) {
    if (++fields_ > limits_.fields) {
      refuse("has too many fields");
      return {};
    }
    auto type = static_cast<char>(in.number<std::uint8_t>());
    switch (type) {
    case 't': return {in.number<std::uint8_t>() != 0};
    case 'b': return integer<std::int8_t>(in);
    case 'B': return natural<std::uint8_t>(in);
    case 's': return integer<std::int16_t>(in);
    case 'u': return natural<std::uint16_t>(in);
    case 'I': return integer<std::int32_t>(in);
    case 'i': return natural<std::uint32_t>(in);
    case 'l':
    case 'L': return integer<std::int64_t>(in);
    case 'f': return {double{std::bit_cast<float>(in.number<std::uint32_t>())}};
    case 'd': return {std::bit_cast<double>(in.number<std::uint64_t>())};
    case 'D': return {read_decimal(in)};
    case 'T': return {timestamp{in.number<std::uint64_t>()}};
    case 'S': return {std::string{in.long_string()}};
    case 'x': return {octets{std::string{in.long_string()}}};
    case 'A': return {read_array(in.long_string())};
    case 'F': return {read(in.long_string())};
    case 'V': return {};
    default: break;
    }
    if (!in.failed()) refuse("has a field of the unknown type " + quoted({&type, 1}));
    return {};
  }

  static decimal read_decimal(byte_reader& in) {
    auto scale = in.number<std::uint8_t>();
    return {scale, in.number<std::uint32_t>()};
  }

  void refuse(const std::string& why) {
    if (why_.empty()) why_ = why;
  }

  table_limits limits_;
  unsigned depth_ = 0;
  std::size_t fields_ = 0;
  std::string why_;
};

template <class Int>
bool fits(std::int64_t n) noexcept {
  return n >= std::numeric_limits<Int>::min()
         && n <= static_cast<std::int64_t>(std::numeric_limits<Int>::max());
}

template <class UInt>
void put_typed(std::string& out, char type, std::int64_t n) {
  out += type;
  put_number(out, static_cast<UInt>(n));
}

/// Appends the type and the value of a field.
struct field_writer {
  std::string& out;

  void operator()(std::monostate) const { out += 'V'; }
  void operator()(bool b) const { put_typed<std::uint8_t>(out, 't', b ? 1 : 0); }
  void operator()(std::int64_t n) const {
    if (fits<std::int8_t>(n)) return put_typed<std::uint8_t>(out, 'b', n);
    if (fits<std::int16_t>(n)) return put_typed<std::uint16_t>(out, 's', n);
    if (fits<std::uint16_t>(n)) return put_typed<std::uint16_t>(out, 'u', n);
    if (fits<std::int32_t>(n)) return put_typed<std::uint32_t>(out, 'I', n);
    if (fits<std::uint32_t>(n)) return put_typed<std::uint32_t>(out, 'i', n);
    put_typed<std::uint64_t>(out, 'l', n);
  }
  void operator()(double d) const {
    out += 'd';
    put_number(out, std::bit_cast<std::uint64_t>(d));
  }
  void operator()(const decimal& d) const {
    out += 'D';
    put_number(out, d.scale);
    put_number(out, d.digits);
  }
  void operator()(const timestamp& t) const {
    out += 'T';
    put_number(out, t.seconds);
  }
  void operator()(const octets& o) const {
    out += 'x';
    put_long_string(out, o.bytes);
  }
  void operator()(const std::string& text) const {
    out += 'S';
    put_long_string(out, text);
  }
  void operator()(const array& items) const {
    std::string inner;
    for (const auto& item : items) std::visit(field_writer{inner}, item.content);
    out += 'A';
    put_long_string(out, inner);
  }
  void operator()(const table& t) const {
    out += 'F';
    put_long_string(out, encoded(t));
  }
};

} // namespace

const field* find(const table& all, std::string_view name) noexcept {
  for (const auto& entry : all)
    if (entry.name == name) return &entry.value;
  return nullptr;
}

std::string_view text_of(const field& f) noexcept {
  const auto* text = std::get_if<std::string>(&f.content);
  return text ? std::string_view{*text} : std::string_view{};
}

result<table> read_table(std::string_view bytes, const table_limits& limits) {
  table_reader reader{limits};
  auto all = reader.read(bytes);
  if (!reader.why().empty()) return fail(errc::protocol, "a table " + reader.why());
  return all;
}

std::string encoded(const table& t) {
  std::string out;
  for (const auto& entry : t) {
    put_short_string(out, entry.name);
    std::visit(field_writer{out}, entry.value.content);
  }
  return out;
}

} // namespace patio::amqp
