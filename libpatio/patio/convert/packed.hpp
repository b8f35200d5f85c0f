/// Numbers that are next to each other in memory: array.array in Python. convert.hpp includes this
/// header.
///
/// A function with a parameter `std::span<const double>` takes an array('d'), the bytes of doubles
/// in this machine's byte order, or a list. Such a span is valid until the function returns. With
/// `std::span<const std::byte>` a function takes bytes, a bytearray or an array. To keep the
/// numbers for longer, take a `packed<double>`. To return an array('d') rather than a list, return
/// one. The numbers of an array and of bytes are not copied, unless they are few or not aligned.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include <patio/base/api.hpp>
#include <patio/convert/convert.hpp>
#include <patio/value/array.hpp>

namespace PATIO_API patio {
namespace detail {

/// The type of the numbers in Python, by size and kind. A std::byte is like an unsigned char.
template <class T>
constexpr number_type number_type_of() {
  if constexpr (std::floating_point<T>) return sizeof(T) == 4 ? number_type::f32 : number_type::f64;
  else if constexpr (std::signed_integral<T>)
    return sizeof(T) == 1   ? number_type::i8
           : sizeof(T) == 2 ? number_type::i16
           : sizeof(T) == 4 ? number_type::i32
                            : number_type::i64;
  else
    return sizeof(T) == 1   ? number_type::u8
           : sizeof(T) == 2 ? number_type::u16
           : sizeof(T) == 4 ? number_type::u32
                            : number_type::u64;
}

template <class T>
concept packable = std::same_as<T, std::byte> ||(
  std::is_arithmetic_v<T> && !std::same_as<T, bool> && !std::same_as<T, long double>);

/// Returns the bytes of an array of this type, or of bytes or a bytearray. Returns None for a list
/// or tuple. Fails for any other value.
[[nodiscard]] result<value> packed_bytes(const value& v, number_type type);
/// Does the same for std::byte: the bytes of an array of any type.
[[nodiscard]] result<value> raw_bytes(const value& v);
/// Returns "array('d')".
[[nodiscard]] std::string array_name(number_type type);

} // namespace detail

/// A value type: copies share the numbers, which never change.
template <detail::packable T>
class packed {
public:
  packed() = default;
  explicit packed(std::vector<T> numbers)
      : own_{std::make_shared<const std::vector<T>>(std::move(numbers))}, numbers_{*own_} {}
  /// Refers to the numbers in a bytes or bytearray, or copies them if they are not aligned.
  explicit packed(value bytes) : bytes_{std::move(bytes)} {
    auto data = bytes_.data();
    auto size = data.size() / sizeof(T);
    bool is_aligned = reinterpret_cast<std::uintptr_t>(data.data()) % alignof(T) == 0;
    if (bytes_.identity() && is_aligned) {
      numbers_ = {reinterpret_cast<const T*>(data.data()), size};
      return;
    }
    std::vector<T> copy(size);
    std::copy_n(data.data(), size * sizeof(T), reinterpret_cast<char*>(copy.data()));
    *this = packed{std::move(copy)};
  }

  [[nodiscard]] std::span<const T> numbers() const noexcept { return numbers_; }
  operator std::span<const T>() const noexcept { return numbers_; }

private:
  value bytes_; ///< keeps the numbers alive, unless `own_` does
  std::shared_ptr<const std::vector<T>> own_;
  std::span<const T> numbers_;
};
template <class T>
packed(std::vector<T>) -> packed<T>;

template <detail::packable T>
struct converter<packed<T>> {
  static constexpr bool is_raw = std::same_as<T, std::byte>;
  static constexpr auto type = detail::number_type_of<T>();

  static value to(const packed<T>& p) {
    auto all = std::as_bytes(p.numbers());
    auto bytes = value::bytes({reinterpret_cast<const char*>(all.data()), all.size()});
    if constexpr (is_raw) return bytes;
    else return detail::make_array(type, bytes);
  }
  static result<packed<T>> from(const value& v) {
    if constexpr (is_raw) {
      return detail::raw_bytes(v).map([](value bytes) { return packed<T>{std::move(bytes)}; });
    } else {
      auto bytes = detail::packed_bytes(v, type);
      if (!bytes) return tl::unexpected(std::move(bytes.error()));
      if (!bytes->is_none()) return packed<T>{std::move(*bytes)};
      return from_value<std::vector<T>>(v).map(
        [](std::vector<T> numbers) { return packed<T>{std::move(numbers)}; });
    }
  }
  static std::string name() { return is_raw ? "bytes" : detail::array_name(type); }
};

} // namespace patio
