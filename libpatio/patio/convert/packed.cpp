#include <patio/convert/packed.hpp>

namespace patio::detail {
namespace {

bool is_bytes(const value& v) { return v.kind() == kind::bytes || v.kind() == kind::bytearray; }

constexpr bool machine_is_big_endian = std::endian::native == std::endian::big;

error must_be(const std::string& expected, const value& v) {
  auto numbers = array_of(v);
  if (!numbers) return mismatch(expected, v);
  return {errc::undecodable,
          "must be " + expected + ", not array('" + std::string{numbers->typecode} + "')",
          {}};
}

} // namespace

std::string array_name(number_type type) {
  return "array('" + std::string{typecode_of(type)} + "')";
}

result<value> packed_bytes(const value& v, number_type type) {
  if (v.kind() == kind::list || v.kind() == kind::tuple) return value{};
  if (is_bytes(v)) {
    if (v.data().size() % size_of(type) == 0) return v;
    return fail(errc::undecodable, "must have a multiple of " + std::to_string(size_of(type))
                                     + " bytes, not " + std::to_string(v.data().size()));
  }
  auto numbers = array_of(v);
  if (!numbers || numbers->type != type)
    return tl::unexpected(must_be(array_name(type) + ", bytes or list", v));
  if (numbers->is_big_endian != machine_is_big_endian)
    return fail(errc::undecodable,
                "must be an array from a machine with the byte order of this one");
  return numbers->bytes;
}

result<value> raw_bytes(const value& v) {
  if (is_bytes(v)) return v;
  if (auto numbers = array_of(v)) return numbers->bytes;
  return tl::unexpected(must_be("bytes, bytearray or array", v));
}

} // namespace patio::detail
