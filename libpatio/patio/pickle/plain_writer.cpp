#include <algorithm>
#include <array>
#include <bit>
#include <concepts>
#include <cstring>

#include <patio/base/utf8.hpp>
#include <patio/pickle/call_opening.hpp>
#include <patio/pickle/opcodes.hpp>
#include <patio/pickle/plain.hpp>

namespace patio::pickle {
namespace {

using namespace std::string_view_literals;

/// The bytes of a plain pickle. Once a part has been refused, finish() fails and later parts have
/// no effect on the result.
class plain_output {
public:
  explicit plain_output(pickle_protocol protocol = pickle_protocol::five) noexcept {
    put("\x80\x05\x95\0\0\0\0\0\0\0\0"sv);
    bytes_[1] = static_cast<char>(protocol);
  }

  void put(std::string_view bytes) noexcept {
    if (bytes.size() > bytes_.size() - size_) return refuse();
    std::memcpy(bytes_.data() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }
  void put(opcode op) noexcept {
    if (size_ == bytes_.size()) return refuse();
    bytes_[size_++] = static_cast<char>(op);
  }
  /// Appends a text and MEMOIZE. Refuses the second of two equal texts, because the writer would
  /// refer to the first.
  void put_text(std::string_view text) noexcept {
    if (text.size() > 255 || !is_ascii(text) || is_field(text) || texts_ == seen_.size())
      return refuse();
    for (std::size_t i = 0; i < texts_; ++i)
      if (seen_[i] == text) return refuse();
    seen_[texts_++] = text;
    put_number(opcode::short_binunicode, static_cast<std::uint8_t>(text.size()));
    put(text);
    put(opcode::memoize);
  }
  void put_value(const value& v) noexcept {
    switch (v.kind()) {
    case kind::none: return put(opcode::none);
    case kind::boolean: return put(v.as_bool() ? opcode::newtrue : opcode::newfalse);
    case kind::integer: return put_integer(v);
    case kind::real:
      return put_number(opcode::binfloat,
                        __builtin_bswap64(std::bit_cast<std::uint64_t>(v.as_real())));
    case kind::str: return put_text(v.text());
    default: return refuse();
    }
  }
  void refuse() noexcept { is_plain_ = false; }

  /// Appends STOP and sets the length of the frame. Then appends the pickle to `out`, unless a part
  /// was refused or the pickle takes more than `max_bytes` bytes.
  bool finish(std::size_t max_bytes, std::string& out) noexcept(false) {
    put(opcode::stop);
    if (!is_plain_) return false;
    std::uint64_t framed = size_ - header_bytes;
    constexpr std::uint64_t shortest_frame = 4; // CPython writes no header for fewer bytes
    bool has_frame = framed >= shortest_frame;
    if ((has_frame ? size_ : 2 + framed) > max_bytes) return false;
    if (has_frame) {
      std::memcpy(bytes_.data() + 3, &framed, sizeof framed);
      out.append(bytes_.data(), size_);
    } else {
      out.append(bytes_.data(), 2).append(bytes_.data() + header_bytes, framed);
    }
    return true;
  }

private:
  static constexpr std::size_t header_bytes = 11; ///< PROTO, its version, FRAME, its length

  static bool is_field(std::string_view text) noexcept {
    return text == "func" || text == "args" || text == "kwargs" || text == "timeout";
  }
  template <std::unsigned_integral UInt>
  void put_number(opcode op, UInt number) noexcept {
    static_assert(std::endian::native == std::endian::little, "a port must swap the bytes here");
    std::array<char, 1 + sizeof number> bytes;
    bytes[0] = static_cast<char>(op);
    std::memcpy(bytes.data() + 1, &number, sizeof number);
    put({bytes.data(), bytes.size()});
  }
  void put_integer(const value& v) noexcept {
    auto i = v.as_int64();
    if (!i || *i != static_cast<std::int32_t>(*i)) return refuse();
    if (*i == static_cast<std::uint8_t>(*i))
      return put_number(opcode::binint1, static_cast<std::uint8_t>(*i));
    if (*i == static_cast<std::uint16_t>(*i))
      return put_number(opcode::binint2, static_cast<std::uint16_t>(*i));
    put_number(opcode::binint, static_cast<std::uint32_t>(*i));
  }

  std::array<char, 1024> bytes_; // not cleared: that would take longer than a short pickle
  std::size_t size_ = 0;
  std::array<std::string_view, 1 + 3 * max_plain_arguments> seen_;
  std::size_t texts_ = 0;
  bool is_plain_ = true;
};

void put_tuple(plain_output& out, const std::vector<value>& items) {
  if (items.empty()) return out.put(opcode::empty_tuple);
  constexpr std::array ends{opcode::tuple1, opcode::tuple2, opcode::tuple3};
  bool has_mark = items.size() > ends.size();
  if (has_mark) out.put(opcode::mark);
  for (const auto& item : items) out.put_value(item);
  out.put(has_mark ? opcode::tuple : ends[items.size() - 1]);
  out.put(opcode::memoize);
}

void put_keywords(plain_output& out, const arguments& args) {
  out.put("}\x94"sv);
  bool many = args.keywords.size() > 1;
  if (many) out.put(opcode::mark);
  for (const auto& [name, v] : args.keywords) {
    out.put_text(name);
    out.put_value(v);
  }
  if (!args.keywords.empty()) out.put(many ? opcode::setitems : opcode::setitem);
}

} // namespace

bool write_plain_call(const call_request& call, std::size_t max_bytes, std::string& out) {
  const auto& args = call.args;
  if (std::max(args.positional.size(), args.keywords.size()) > max_plain_arguments) return false;
  plain_output pickle;
  pickle.put(call_opening_bytes);
  pickle.put(func_field);
  pickle.put_text(call.function);
  pickle.put(args_field);
  put_tuple(pickle, args.positional);
  pickle.put(kwargs_field);
  put_keywords(pickle, args);
  pickle.put(timeout_field);
  pickle.put_value(call.timeout);
  pickle.put("ub"sv);
  return pickle.finish(max_bytes, out);
}

bool write_plain_value(const value& v, std::size_t max_bytes, std::string& out,
                       pickle_protocol protocol) {
  plain_output pickle{protocol};
  pickle.put_value(v);
  return pickle.finish(max_bytes, out);
}

} // namespace patio::pickle
