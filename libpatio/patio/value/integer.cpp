#include <patio/value/integer.hpp>

#include <openssl/bn.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <new>

namespace patio {
namespace {

struct bn_free {
  void operator()(BIGNUM* b) const noexcept { BN_free(b); }
  void operator()(BN_CTX* c) const noexcept { BN_CTX_free(c); }
  void operator()(char* s) const noexcept { OPENSSL_free(s); }
};
using bignum = std::unique_ptr<BIGNUM, bn_free>;

// These functions of OpenSSL fail only if memory runs out.
template <class T>
T* need(T* p) {
  if (!p) throw std::bad_alloc{};
  return p;
}
void need(int ok) {
  if (ok != 1) throw std::bad_alloc{};
}

bignum to_bn(const integer& i) {
  auto m = i.magnitude();
  bignum b{need(BN_lebin2bn(reinterpret_cast<const unsigned char*>(m.data()),
                            static_cast<int>(m.size()), nullptr))};
  BN_set_negative(b.get(), i.negative() ? 1 : 0);
  return b;
}

std::string magnitude_of(const BIGNUM* b) {
  std::string m(static_cast<std::size_t>(BN_num_bytes(b)), '\0');
  BN_bn2lebinpad(b, reinterpret_cast<unsigned char*>(m.data()), static_cast<int>(m.size()));
  return m;
}

void negate(std::string& two) {
  bool carry = true;
  for (auto& c : two) {
    auto inverted = static_cast<unsigned char>(~c);
    c = static_cast<char>(inverted + (carry ? 1 : 0));
    carry = carry && c == 0;
  }
}

} // namespace

integer::integer(bool negative, std::string magnitude)
    : negative_{negative}, magnitude_{std::move(magnitude)} {
  while (!magnitude_.empty() && magnitude_.back() == '\0') magnitude_.pop_back();
  if (magnitude_.empty()) negative_ = false;
}

integer::integer(std::int64_t i)
    : integer{
      from_unsigned(i < 0 ? 0 - static_cast<std::uint64_t>(i) : static_cast<std::uint64_t>(i))} {
  negative_ = i < 0;
}

integer integer::from_unsigned(std::uint64_t u) {
  integer i;
  for (; u > 0; u >>= 8) i.magnitude_.push_back(static_cast<char>(u & 0xff));
  return i;
}

integer integer::from_twos_complement(std::string_view little_endian) {
  std::string m{little_endian};
  bool negative = !m.empty() && (static_cast<unsigned char>(m.back()) & 0x80) != 0;
  if (negative) negate(m);
  return {negative, std::move(m)};
}

std::optional<integer> integer::from_decimal(std::string_view text) {
  auto digits = text;
  if (digits.starts_with('-') || digits.starts_with('+')) digits.remove_prefix(1);
  if (digits.empty()
      || !std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return {};
  BIGNUM* raw = nullptr;
  if (BN_dec2bn(&raw, std::string{digits}.c_str()) == 0) throw std::bad_alloc{};
  bignum b{raw};
  return integer{text.front() == '-', magnitude_of(b.get())};
}

std::optional<std::int64_t> integer::as_int64() const noexcept {
  if (magnitude_.size() > 8) return {};
  std::uint64_t u = 0;
  for (std::size_t i = magnitude_.size(); i-- > 0;)
    u = (u << 8) | static_cast<unsigned char>(magnitude_[i]);
  constexpr auto top = std::uint64_t{1} << 63;
  if (negative_ ? u > top : u >= top) return {};
  return static_cast<std::int64_t>(negative_ ? 0 - u : u);
}

std::string integer::twos_complement() const {
  auto two = magnitude_;
  if (two.empty()) return two;
  if (static_cast<unsigned char>(two.back()) & 0x80) two.push_back('\0');
  if (!negative_) return two;
  negate(two);
  if (two.size() > 1 && static_cast<unsigned char>(two.back()) == 0xff
      && (static_cast<unsigned char>(two[two.size() - 2]) & 0x80))
    two.pop_back();
  return two;
}

std::string integer::decimal() const {
  std::unique_ptr<char, bn_free> text{need(BN_bn2dec(to_bn(*this).get()))};
  return text.get();
}

// Converts the top 64 bits; a sticky bit stands for all bits below them. There is therefore only
// one rounding, to nearest, ties to even.
double integer::as_real() const noexcept {
  std::uint64_t top = 0;
  auto size = magnitude_.size();
  auto taken = std::min<std::size_t>(size, 8);
  for (std::size_t i = 0; i < taken; ++i)
    top = (top << 8) | static_cast<unsigned char>(magnitude_[size - 1 - i]);
  int shift = static_cast<int>(std::min<std::size_t>(size - taken, 1 << 20)) * 8;
  if (shift > 0) {
    // The leading byte may have only one significant bit. `top` then has 57 significant bits, more
    // than the 53 bits of a double.
    auto rest = std::string_view{magnitude_}.substr(0, size - taken);
    if (rest.find_first_not_of('\0') != std::string_view::npos) top |= 1;
  }
  auto d = std::ldexp(static_cast<double>(top), shift);
  return negative_ ? -d : d;
}

std::strong_ordering operator<=>(const integer& a, const integer& b) noexcept {
  if (a.negative_ != b.negative_)
    return a.negative_ ? std::strong_ordering::less : std::strong_ordering::greater;
  auto by_magnitude = a.magnitude_.size() <=> b.magnitude_.size();
  for (std::size_t i = a.magnitude_.size(); by_magnitude == 0 && i-- > 0;)
    by_magnitude =
      static_cast<unsigned char>(a.magnitude_[i]) <=> static_cast<unsigned char>(b.magnitude_[i]);
  return a.negative_ ? 0 <=> by_magnitude : by_magnitude;
}

// OpenSSL takes more than a thousand instructions for the shortest operation, so results of 64 bits
// are computed without OpenSSL.
integer operator*(const integer& a, const integer& b) {
  std::int64_t product = 0;
  auto x = a.as_int64(), y = b.as_int64();
  if (x && y && !__builtin_mul_overflow(*x, *y, &product)) return product;
  std::unique_ptr<BN_CTX, bn_free> ctx{need(BN_CTX_new())};
  bignum r{need(BN_new())};
  need(BN_mul(r.get(), to_bn(a).get(), to_bn(b).get(), ctx.get()));
  return {BN_is_negative(r.get()) == 1, magnitude_of(r.get())};
}

integer operator-(const integer& a, const integer& b) {
  std::int64_t difference = 0;
  auto x = a.as_int64(), y = b.as_int64();
  if (x && y && !__builtin_sub_overflow(*x, *y, &difference)) return difference;
  bignum r{need(BN_new())};
  need(BN_sub(r.get(), to_bn(a).get(), to_bn(b).get()));
  return {BN_is_negative(r.get()) == 1, magnitude_of(r.get())};
}

integer integer::pow(std::uint64_t exponent) const {
  integer r{1}, base{*this};
  for (; exponent > 0; exponent >>= 1) {
    if (exponent & 1) r = r * base;
    if (exponent > 1) base = base * base;
  }
  return r;
}

} // namespace patio
