#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include <patio/base/utf8.hpp>
#include <patio/pickle/budget.hpp>
#include <patio/pickle/call_opening.hpp>
#include <patio/pickle/opcodes.hpp>
#include <patio/pickle/plain.hpp>

namespace patio::pickle {
namespace {

using namespace std::string_view_literals;

/// Takes the parts of a plain pickle from the front, and adds up their cost in the reader. Each
/// function returns false and takes nothing if the bytes do not begin with its part.
class plain_parts {
public:
  explicit plain_parts(std::string_view bytes) noexcept : rest_{bytes} {}

  bool take(std::string_view expected) noexcept {
    if (!begins_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }
  [[nodiscard]] bool begins_with(std::string_view bytes) const noexcept {
    return rest_.size() >= bytes.size()
           && std::memcmp(rest_.data(), bytes.data(), bytes.size()) == 0;
  }
  bool take(opcode op) noexcept {
    if (rest_.empty() || rest_.front() != static_cast<char>(op)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// Takes PROTO and the header of a FRAME that contains all remaining bytes.
  bool take_frame() noexcept {
    constexpr std::size_t size_at = 3, header_bytes = 11;
    if (rest_.size() < header_bytes) return false;
    if (!begins_with("\x80\x05\x95"sv) && !begins_with("\x80\x04\x95"sv)) return false;
    std::uint64_t size{};
    get(size, size_at);
    if (size != rest_.size() - header_bytes) return false;
    rest_.remove_prefix(header_bytes);
    return true;
  }
  /// Takes the name of a field. The name counts towards the pickle limits like any other text.
  bool take_field(std::string_view field) noexcept {
    if (!take(field)) return false;
    constexpr std::size_t opcode_bytes = 3; // SHORT_BINUNICODE, its length, and MEMOIZE
    spend(field.size() - opcode_bytes);
    memoize();
    return true;
  }
  bool take_text(std::string_view& text) noexcept {
    if (rest_.size() < 3 || rest_.front() != static_cast<char>(opcode::short_binunicode))
      return false;
    std::size_t length = static_cast<unsigned char>(rest_[1]);
    if (rest_.size() < length + 3 || rest_[length + 2] != static_cast<char>(opcode::memoize))
      return false;
    text = rest_.substr(2, length);
    if (!is_ascii(text)) return false;
    rest_.remove_prefix(length + 3);
    spend(length);
    ++memo_entries_;
    return true;
  }
  bool take_value(value& v) {
    if (rest_.empty()) return false;
    switch (static_cast<opcode>(rest_.front())) {
    case opcode::none: return skip(0);
    case opcode::newtrue: v = true; return skip(0);
    case opcode::newfalse: v = false; return skip(0);
    case opcode::binint1: return take_number<std::uint8_t>(v);
    case opcode::binint2: return take_number<std::uint16_t>(v);
    case opcode::binint: return take_number<std::int32_t>(v);
    case opcode::binfloat: return take_real(v);
    case opcode::short_binunicode: {
      std::string_view text;
      if (!take_text(text)) return false;
      v = value{text};
      return true;
    }
    default: return false;
    }
  }

  [[nodiscard]] bool is_at_end() const noexcept { return rest_.empty(); }
  void spend(std::size_t length, std::size_t nodes = 1) noexcept {
    nodes_ += nodes;
    memory_ += nodes * budget::node_bytes + length;
  }
  void memoize(std::size_t entries = 1) noexcept { memo_entries_ += entries; }
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }
  [[nodiscard]] bool is_within(const pickle_limits& limits) const noexcept {
    return nodes_ <= limits.nodes && memory_ <= limits.memory_bytes
           && memo_entries_ <= limits.memo_entries;
  }

private:
  bool skip(std::size_t argument_bytes) noexcept {
    rest_.remove_prefix(1 + argument_bytes);
    spend(0);
    return true;
  }
  template <class Number>
  void get(Number& number, std::size_t at) const noexcept {
    static_assert(std::endian::native == std::endian::little, "a port must swap the bytes here");
    std::memcpy(&number, rest_.data() + at, sizeof number);
  }
  template <class Number>
  bool take_number(value& v) noexcept {
    Number number{};
    if (rest_.size() <= sizeof number) return false;
    get(number, 1);
    v = std::int64_t{number};
    return skip(sizeof number);
  }
  bool take_real(value& v) noexcept {
    std::uint64_t bits{};
    if (rest_.size() <= sizeof bits) return false;
    get(bits, 1);
    v = std::bit_cast<double>(__builtin_bswap64(bits));
    return skip(sizeof bits);
  }

  std::string_view rest_;
  std::size_t nodes_ = 0;
  std::size_t memory_ = 0;
  std::size_t memo_entries_ = 0;
};

bool take_tuple(plain_parts& in, std::vector<value>& items) {
  if (in.take(opcode::empty_tuple)) {
    in.spend(0);
    return true;
  }
  constexpr std::array ends{opcode::tuple1, opcode::tuple2, opcode::tuple3};
  bool has_mark = in.take(opcode::mark);
  auto max = has_mark ? max_plain_arguments : ends.size();
  items.reserve(max);
  for (value v; items.size() < max && in.take_value(v);) items.push_back(std::move(v));
  auto count = items.size();
  if (count == 0 || has_mark != (count > ends.size())) return false;
  in.spend(0, has_mark ? 2 : 1); // the tuple and, if present, the MARK
  in.memoize();
  return in.take(has_mark ? opcode::tuple : ends[count - 1]) && in.take(opcode::memoize);
}

using keywords = std::vector<std::pair<std::string, value>>;

bool take_keyword(plain_parts& in, keywords& all) {
  std::string_view name;
  if (!in.take_text(name)) return false;
  for (const auto& earlier : all)
    if (earlier.first == name) return false;
  return in.take_value(all.emplace_back(name, value{}).second);
}

bool take_keywords(plain_parts& in, keywords& all) {
  if (!in.take("}\x94"sv)) return false;
  in.spend(dict_overhead);
  in.memoize();
  if (in.take(opcode::mark)) {
    in.spend(0);
    all.reserve(2);
    while (!in.take(opcode::setitems))
      if (all.size() == max_plain_arguments || !take_keyword(in, all)) return false;
    return all.size() >= 2;
  }
  if (in.begins_with(timeout_field)) return true;
  return take_keyword(in, all) && in.take(opcode::setitem);
}

} // namespace

bool read_plain_call(std::string_view bytes, const pickle_limits& limits, call_request& call,
                     std::size_t& memory) {
  plain_parts in{bytes};
  if (bytes.size() > limits.bytes || limits.depth < 2 || limits.compared_bytes < bytes.size())
    return false;
  if (!in.take_frame() || !in.take(call_opening_bytes)) return false;
  in.spend(call_opening_lengths, call_opening_nodes);
  in.memoize(call_opening_memo_entries);
  std::string_view function;
  if (!in.take_field(func_field) || !in.take_text(function)) return false;
  if (!in.take_field(args_field) || !take_tuple(in, call.args.positional)) return false;
  if (!in.take_field(kwargs_field) || !take_keywords(in, call.args.keywords)) return false;
  if (!in.take_field(timeout_field) || !in.take_value(call.timeout)) return false;
  if (!in.take("ub."sv) || !in.is_at_end() || !in.is_within(limits)) return false;
  call.function = function;
  memory = in.memory();
  return true;
}

// CPython writes no frame around fewer than four bytes.
bool read_plain_value(std::string_view bytes, const pickle_limits& limits, value& v) {
  plain_parts in{bytes};
  if (bytes.size() > limits.bytes) return false;
  if (!in.take_frame() && !in.take("\x80\x05"sv)) return false;
  return in.take_value(v) && in.take(opcode::stop) && in.is_at_end() && in.is_within(limits);
}

} // namespace patio::pickle
