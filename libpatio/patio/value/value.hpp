/// A Python value as plain data: 16 bytes, immutable, cheap to copy, shared between threads.
/// Containers hold at most `max_depth` levels; building a deeper one throws std::length_error.
/// Short texts and bytes live inside the value, so views into it end with it, as with std::string.
#pragma once

#include <array>
#include <bit>
#include <complex>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace patio {

class integer;
class value;
namespace detail {
struct heap_value;
class value_access;
} // namespace detail

/// Python's type of a value. `integer` has any size.
enum class kind : std::uint8_t {
  none,
  boolean,
  integer,
  real,
  complex,
  str,
  bytes,
  bytearray,
  list,
  tuple,
  dict,
  set,
  frozenset,
  exception,
  object, ///< of any other class: what a pickle says about it
};

/// Python's name of the type: "NoneType", "int", "str" ...; for an exception "BaseException".
[[nodiscard]] std::string_view type_name(kind k) noexcept;

/// One key and its value, in a dict.
using dict_entry = std::pair<value, value>;

struct object_parts;

class value {
public:
  /// Deepest nesting of containers, the innermost leaf not counted.
  static constexpr unsigned max_depth = 128;

  value() noexcept : raw_{} {} ///< None
  value(std::nullptr_t) = delete;
  template <std::same_as<bool> B>
  value(B b) noexcept : raw_{} {
    init(kind::boolean, b ? 1 : 0);
  }
  template <std::signed_integral I>
  value(I i) noexcept : raw_{} {
    init(kind::integer, static_cast<std::int64_t>(i));
  }
  template <std::unsigned_integral U>
    requires(!std::same_as<U, bool>)
  value(U u) : value(from_unsigned(u)) {}
  template <std::floating_point F>
  value(F f) noexcept : raw_{} {
    init(kind::real, std::bit_cast<std::int64_t>(static_cast<double>(f)));
  }
  value(const integer& big);
  value(std::complex<double> c);
  /// UTF-8; a lone surrogate is written as CPython's "surrogatepass" does. Not checked here.
  value(std::string_view text);
  value(const char* text) : value(std::string_view{text}) {}
  value(const std::string& text) : value(std::string_view{text}) {}

  value(const value& other) noexcept : raw_{other.raw_} {
    if (on_heap()) retain();
  }
  value(value&& other) noexcept : raw_{other.raw_} { other.raw_ = {}; }
  value& operator=(const value& other) noexcept { return *this = value{other}; }
  value& operator=(value&& other) noexcept {
    auto mine = raw_; // not std::swap, which swaps an array byte by byte
    raw_ = other.raw_, other.raw_ = mine;
    return *this;
  }
  ~value() {
    if (on_heap()) release();
  }

  [[nodiscard]] static value bytes(std::string_view data);
  [[nodiscard]] static value bytearray(std::string_view data);
  [[nodiscard]] static value list(std::vector<value> items);
  [[nodiscard]] static value tuple(std::vector<value> items);
  /// Equal items are kept once, the first of them. Throws std::invalid_argument naming an
  /// unhashable item.
  [[nodiscard]] static value set(std::vector<value> items);
  [[nodiscard]] static value frozenset(std::vector<value> items);
  /// Insertion order is kept; of equal keys the first key stays with the last value, as in Python.
  /// Throws std::invalid_argument naming an unhashable key.
  [[nodiscard]] static value dict(std::vector<dict_entry> entries);
  /// `type` is the full path, e.g. "builtins.ValueError"; notes are Python 3.11's `__notes__`.
  [[nodiscard]] static value exception(std::string type, std::vector<value> args,
                                       std::vector<value> notes = {});
  [[nodiscard]] static value object(object_parts parts);

  [[nodiscard]] patio::kind kind() const noexcept { return static_cast<patio::kind>(raw_[0]); }
  [[nodiscard]] bool is_none() const noexcept { return kind() == patio::kind::none; }

  // Each accessor below is for its own kind only; calling it on another is a programming error,
  // which it reports by std::logic_error.

  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] double as_real() const;
  [[nodiscard]] std::complex<double> as_complex() const;
  /// Nothing if the integer is outside the 64-bit range.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const;
  [[nodiscard]] integer as_integer() const;
  [[nodiscard]] std::string_view text() const;               ///< str
  [[nodiscard]] std::string_view data() const;               ///< bytes, bytearray
  [[nodiscard]] std::span<const value> items() const;        ///< list, tuple, set, frozenset
  [[nodiscard]] std::span<const dict_entry> entries() const; ///< dict
  [[nodiscard]] const value* find(const value& key) const;   ///< dict; null if absent
  [[nodiscard]] bool contains(const value& item) const;      ///< set, frozenset
  [[nodiscard]] std::string_view exception_type() const;     ///< "builtins.KeyError"
  [[nodiscard]] std::span<const value> exception_args() const;
  [[nodiscard]] std::span<const value> exception_notes() const;
  [[nodiscard]] const object_parts& as_object() const;

  [[nodiscard]] bool is_text() const noexcept { return kind() == patio::kind::str; }
  [[nodiscard]] bool is_container() const noexcept { return kind() >= patio::kind::list; }

  /// Levels of containers: 0 for a leaf, 1 for an empty list.
  [[nodiscard]] unsigned depth() const noexcept;
  /// About how many bytes this would take with every shared part written out. Operations that
  /// walk a whole value refuse above `expansion_limit` ("a billion laughs").
  [[nodiscard]] std::uint64_t weight() const noexcept;
  static constexpr std::uint64_t expansion_limit = std::uint64_t{256} << 20;

  /// Address of the shared part, or null if the value is held inline: equal addresses, same object.
  [[nodiscard]] const void* identity() const noexcept;

private:
  friend class detail::value_access;
  static constexpr std::size_t inline_capacity = 14;
  void init(patio::kind k, std::int64_t payload) noexcept {
    std::array<unsigned char, 8> head{static_cast<unsigned char>(k)};
    store(std::bit_cast<std::int64_t>(head), payload);
  }
  // One store of 16 bytes: a copy of the value right after several smaller stores would have to
  // wait for them.
  void store(std::int64_t first, std::int64_t second) noexcept {
    using words [[gnu::vector_size(16)]] = std::int64_t;
    words both{first, second};
    std::memcpy(raw_.data(), &both, sizeof both);
  }
  static value from_unsigned(std::uint64_t u);
  [[nodiscard]] bool on_heap() const noexcept { return raw_[1] == heap_mark; }
  void retain() const noexcept;
  void release() noexcept;

  // Byte 0 is the kind, byte 1 the length of inline text or `heap_mark`; the number or the
  // pointer to the shared node is in bytes 8 to 15, inline text in bytes 2 to 15.
  static constexpr unsigned char heap_mark = 0xff;
  alignas(8) std::array<unsigned char, 16> raw_;
};

static_assert(sizeof(value) == 16);

/// How Python makes an object before its state and contents are put into it.
enum class making : std::uint8_t {
  call, ///< the class is called with the arguments
  bare, ///< only its __new__ is
};

/// An object of a Python class as a pickle describes it. Here it is data: nothing resolves or calls
/// anything.
struct object_parts {
  std::string module = {}; ///< of the class, "shop.models"
  std::string name = {};   ///< of the class, "Order"
  making made_by = making::call;
  std::vector<value> args = {};
  std::vector<value> items = {};        ///< then appended to it, as to a list
  std::vector<dict_entry> entries = {}; ///< then set in it, as in a dict
  value state = {}; ///< then its attributes, or what its __setstate__ takes; None for none
};

/// Python's ==: 1 == 1.0 == True, b"a" == bytearray(b"a"), NaN is unequal to itself. Exceptions
/// compare by type, arguments and notes, objects by their parts. Throws std::length_error if the
/// two expand beyond the limit.
[[nodiscard]] bool operator==(const value& a, const value& b);

/// Like == but also equal in kind all the way down, with floats compared by their bits and dicts by
/// order.
[[nodiscard]] bool identical(const value& a, const value& b);

/// Agrees with ==. Throws std::invalid_argument for what Python cannot hash.
[[nodiscard]] std::uint64_t hash(const value& v);
[[nodiscard]] bool hashable(const value& v) noexcept;

} // namespace patio
