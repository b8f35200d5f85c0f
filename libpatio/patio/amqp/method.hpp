/// Reads and writes the methods of AMQP 0-9-1 that a patio node and RabbitMQ exchange.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include <patio/amqp/basic_methods.hpp>
#include <patio/amqp/channel_methods.hpp>
#include <patio/amqp/frame.hpp>
#include <patio/amqp/wire.hpp>
#include <patio/value/error.hpp>

namespace patio::amqp {

/// Any method, in either direction.
using method =
  std::variant<connection_start, connection_start_ok, connection_tune, connection_tune_ok,
               connection_open, connection_open_ok, connection_close, connection_close_ok,
               connection_blocked, connection_unblocked, channel_open, channel_open_ok,
               channel_flow, channel_flow_ok, channel_close, channel_close_ok, exchange_declare,
               exchange_declare_ok, queue_declare, queue_declare_ok, queue_bind, queue_bind_ok,
               basic_qos, basic_qos_ok, basic_consume, basic_consume_ok, basic_cancel,
               basic_cancel_ok, basic_publish, basic_return, basic_deliver, basic_ack, basic_nack,
               confirm_select, confirm_select_ok>;

/// Reads the payload of a method frame. Fails with errc::protocol for a method that is not in
/// the list, and for one that is truncated or has bytes behind its fields.
[[nodiscard]] result<method> read_method(std::string_view payload);

[[nodiscard]] std::string_view name_of(const method& m) noexcept;
[[nodiscard]] method_id id_of(const method& m) noexcept;

namespace detail {

struct field_output {
  std::string& out;
  template <class UInt>
  void number(UInt n) const {
    put_number(out, n);
  }
  void short_string(std::string_view text) const { put_short_string(out, text); }
  void long_string(std::string_view text) const { put_long_string(out, text); }
  template <class... Bools>
  void bits(Bools... each) const {
    unsigned octet = 0, bit = 0;
    ((octet |= (each ? 1U : 0U) << bit++), ...);
    put_number(out, static_cast<std::uint8_t>(octet));
  }
};

} // namespace detail

/// Appends the frame of one method. Throws std::length_error for a short string of more than 255
/// bytes.
template <class Method>
void put_method(std::string& out, channel_number channel, const Method& m) {
  frame_writer frame{out, frame_type::method, channel};
  put_number(out, Method::id.class_number);
  put_number(out, Method::id.number);
  detail::field_output fields{out};
  Method::visit(m, fields);
}

} // namespace patio::amqp
