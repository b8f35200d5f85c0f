/// A Python value as immutable data in 16 bytes. None, bools, floats, 64-bit integers and short
/// texts are stored inline. Any other value shares a heap value with its copies, and the last copy
/// deletes the heap value. Cost: a copy takes at most one atomic increment. Threads: as with
/// std::shared_ptr, different threads may use different copies, but a thread must not assign to an
/// object that another thread uses. A view or span is valid as long as its value object, because a
/// short text is stored in the object.
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

#include <patio/base/api.hpp>

namespace PATIO_API patio {

class integer;
class value;
namespace detail {
struct heap_value;
class value_access;
} // namespace detail

/// Python's type of a value.
enum class kind : std::uint8_t {
  none,
  boolean,
  integer, ///< of any size
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
  object, ///< an object of any other class, described by its parts
};

/// Returns Python's name of the type: "NoneType", "int", "str" and so on, and "BaseException" for
/// every exception.
[[nodiscard]] std::string_view type_name(kind k) noexcept;

/// A key of a dict and the value that the key maps to.
using dict_entry = std::pair<value, value>;

struct object_parts;

class value {
public:
  /// The largest number of nested containers. A function that would make a deeper container throws
  /// std::length_error.
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
  /// Makes a str from UTF-8, in which lone surrogates are encoded as by CPython's "surrogatepass".
  /// The text is not checked.
  value(std::string_view text);
  value(const char* text) : value(std::string_view{text}) {}
  value(const std::string& text) : value(std::string_view{text}) {}

  value(const value& other) noexcept : raw_{other.raw_} {
    if (on_heap()) retain();
  }
  value(value&& other) noexcept : raw_{other.raw_} { other.raw_ = {}; }
  value& operator=(const value& other) noexcept { return *this = value{other}; }
  value& operator=(value&& other) noexcept {
    auto mine = raw_; // std::swap would swap the array byte by byte
    raw_ = other.raw_;
    other.raw_ = mine;
    return *this;
  }
  ~value() {
    if (on_heap()) release();
  }

  // The functions below move the vectors into the new container and do not copy the items.

  [[nodiscard]] static value bytes(std::string_view data);
  [[nodiscard]] static value bytearray(std::string_view data);
  [[nodiscard]] static value list(std::vector<value> items);
  [[nodiscard]] static value tuple(std::vector<value> items);
  /// Keeps the first of several equal items. Throws std::invalid_argument with the name of the type
  /// for an unhashable item.
  [[nodiscard]] static value set(std::vector<value> items);
  [[nodiscard]] static value frozenset(std::vector<value> items);
  /// Keeps the order of insertion. If keys are equal, keeps the first key and the last value, as
  /// Python does. Throws std::invalid_argument with the name of the type for an unhashable key.
  [[nodiscard]] static value dict(std::vector<dict_entry> entries);
  /// `type` is the full path, e.g. "builtins.ValueError". `notes` are Python 3.11's `__notes__`.
  [[nodiscard]] static value exception(std::string type, std::vector<value> args,
                                       std::vector<value> notes = {});
  [[nodiscard]] static value object(object_parts parts);

  [[nodiscard]] patio::kind kind() const noexcept { return static_cast<patio::kind>(raw_[0]); }
  [[nodiscard]] bool is_none() const noexcept { return kind() == patio::kind::none; }

  // Each accessor requires a certain kind. Any other kind is a programming error and throws
  // std::logic_error. Only as_integer allocates, for the digits. `find` and `contains` take
  // constant time on average.

  [[nodiscard]] bool as_bool() const;
  [[nodiscard]] double as_real() const;
  [[nodiscard]] std::complex<double> as_complex() const;
  /// Returns nothing if the integer does not fit into 64 bits.
  [[nodiscard]] std::optional<std::int64_t> as_int64() const;
  [[nodiscard]] integer as_integer() const;
  [[nodiscard]] std::string_view text() const;               ///< str
  [[nodiscard]] std::string_view data() const;               ///< bytes, bytearray
  [[nodiscard]] std::span<const value> items() const;        ///< list, tuple, set, frozenset
  [[nodiscard]] std::span<const dict_entry> entries() const; ///< dict
  [[nodiscard]] const value* find(const value& key) const;   ///< dict; null if the key is absent
  [[nodiscard]] bool contains(const value& item) const;      ///< set, frozenset
  [[nodiscard]] std::string_view exception_type() const;     ///< e.g. "builtins.KeyError"
  [[nodiscard]] std::span<const value> exception_args() const;
  [[nodiscard]] std::span<const value> exception_notes() const;
  /// The attributes filename and filename2 of an OSError that came in a pickle, as far as they are
  /// set. They are no part of its arguments, as in Python.
  [[nodiscard]] std::span<const value> exception_file_names() const;
  [[nodiscard]] const object_parts& as_object() const;

  [[nodiscard]] bool is_text() const noexcept { return kind() == patio::kind::str; }
  [[nodiscard]] bool is_container() const noexcept { return kind() >= patio::kind::list; }

  // Each function below takes constant time.

  /// Returns the number of nested levels of containers: 0 for a leaf, 1 for an empty list.
  [[nodiscard]] unsigned depth() const noexcept;
  /// Returns an estimate of the bytes that the value takes when every shared part is expanded.
  /// Operations that walk a whole value refuse a weight above `expansion_limit`, which stops a
  /// "billion laughs" attack.
  [[nodiscard]] std::uint64_t weight() const noexcept;
  static constexpr std::uint64_t expansion_limit = std::uint64_t{256} << 20;

  /// Returns the address of the heap value, or null for an inline value. Values with the same
  /// address are the same Python object.
  [[nodiscard]] const void* identity() const noexcept;

private:
  friend class detail::value_access;
  static constexpr std::size_t inline_capacity = 14;
  void init(patio::kind k, std::int64_t payload) noexcept {
    std::array<unsigned char, 8> head{static_cast<unsigned char>(k)};
    store(std::bit_cast<std::int64_t>(head), payload);
  }
  // Writes all 16 bytes in one store. After several smaller stores, store forwarding would fail and
  // the next copy of the value would stall.
  void store(std::int64_t first, std::int64_t second) noexcept {
    using words [[gnu::vector_size(16)]] = std::int64_t;
    words both{first, second};
    std::memcpy(raw_.data(), &both, sizeof both);
  }
  static value from_unsigned(std::uint64_t u);
  [[nodiscard]] bool on_heap() const noexcept { return raw_[1] == heap_mark; }
  void retain() const noexcept;
  void release() noexcept;

  // Byte 0 is the kind. Byte 1 is the length of an inline text, or `heap_mark`. An inline text is
  // in bytes 2 to 15. A number or the pointer to the heap value is in bytes 8 to 15.
  static constexpr unsigned char heap_mark = 0xff;
  alignas(8) std::array<unsigned char, 16> raw_;
};

static_assert(sizeof(value) == 16);

/// How Python makes an object, before Python adds the contents and the state.
enum class construction : std::uint8_t {
  call,     ///< Python calls the class with the arguments
  new_only, ///< Python calls only the class's __new__ with the arguments
  none,     ///< Python makes nothing: this is the class or function itself, of an exception's parts
};

/// An object of a Python class, as a pickle describes it. The parts are only data: no class is
/// resolved or called. Python applies the parts in the order of the fields.
struct object_parts {
  std::string module = {}; ///< the module of the class: "shop.models"
  std::string name = {};   ///< the name of the class: "Order"
  construction made_by = construction::call;
  std::vector<value> args = {};
  std::vector<value> items = {};        ///< appended to the object, as to a list
  std::vector<dict_entry> entries = {}; ///< set in the object, as in a dict
  /// The attributes, or the argument of __setstate__, or None.
  value state = {};
};

/// Compares like Python's ==: 1 == 1.0 == True, b"a" == bytearray(b"a"), and a NaN is unequal to
/// itself. Exceptions compare by type, arguments and notes; objects compare by their parts. Throws
/// std::length_error if both values weigh more than value::expansion_limit.
[[nodiscard]] bool operator==(const value& a, const value& b);

/// Compares like ==, but also compares the kinds at every level, the bits of floats and the order
/// of dict entries.
[[nodiscard]] bool identical(const value& a, const value& b);

/// Returns a hash that is the same for equal values of one process. A heap value caches its hash.
/// Throws std::invalid_argument for a value that Python cannot hash.
[[nodiscard]] std::uint64_t hash(const value& v);
[[nodiscard]] bool hashable(const value& v) noexcept;

} // namespace patio
