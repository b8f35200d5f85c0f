#include <patio/amqp/method.hpp>

#include <type_traits>
#include <utility>

namespace patio::amqp {
namespace {

struct field_input {
  byte_reader& in;
  template <class UInt>
  void number(UInt& n) const {
    n = in.number<UInt>();
  }
  void short_string(std::string_view& text) const { text = in.short_string(); }
  void long_string(std::string_view& text) const { text = in.long_string(); }
  template <class... Bools>
  void bits(Bools&... each) const {
    unsigned octet = in.number<std::uint8_t>(), bit = 0;
    ((each = ((octet >> bit++) & 1U) != 0), ...);
  }
};

std::string text_of(method_id id) {
  return std::to_string(id.class_number) + "." + std::to_string(id.number);
}

template <class Method>
result<method> read_fields(byte_reader& in) {
  Method m;
  field_input fields{in};
  Method::visit(m, fields);
  if (in.failed()) return fail(errc::protocol, std::string{Method::name} + " is truncated");
  if (!in.empty())
    return fail(errc::protocol, std::string{Method::name} + " has bytes behind its fields");
  return method{m};
}

template <class... Methods>
result<method> read_one_of(method_id id, byte_reader& in,
                           std::type_identity<std::variant<Methods...>>) {
  result<method> read = fail(errc::protocol, "the method " + text_of(id) + " is unknown");
  (void)((id == Methods::id && (read = read_fields<Methods>(in), true)) || ...);
  return read;
}

} // namespace

result<method> read_method(std::string_view payload) {
  byte_reader in{payload};
  method_id id;
  id.class_number = in.number<std::uint16_t>();
  id.number = in.number<std::uint16_t>();
  return read_one_of(id, in, std::type_identity<method>{});
}

std::string_view name_of(const method& m) noexcept {
  return std::visit([](const auto& one) { return std::decay_t<decltype(one)>::name; }, m);
}

method_id id_of(const method& m) noexcept {
  return std::visit([](const auto& one) { return std::decay_t<decltype(one)>::id; }, m);
}

} // namespace patio::amqp
