/// Methods of AMQP 0-9-1 for exchanges, queues and messages; see channel_methods.hpp. Tables are
/// encoded (table.hpp), without the length in front.
#pragma once

#include <patio/amqp/channel_methods.hpp>

namespace patio::amqp {

struct exchange_declare {
  static constexpr method_id id{40, 10};
  static constexpr std::string_view name = "exchange.declare";
  std::uint16_t ticket = 0;
  std::string_view exchange = {}, type = {};
  bool passive = false, durable = false, auto_delete = false, internal = false, no_wait = false;
  std::string_view arguments = {};
  static void visit(auto& m, auto& v) {
    v.number(m.ticket);
    v.short_string(m.exchange);
    v.short_string(m.type);
    v.bits(m.passive, m.durable, m.auto_delete, m.internal, m.no_wait);
    v.long_string(m.arguments);
  }
};
struct exchange_declare_ok : empty_method {
  static constexpr method_id id{40, 11};
  static constexpr std::string_view name = "exchange.declare-ok";
};

struct queue_declare {
  static constexpr method_id id{50, 10};
  static constexpr std::string_view name = "queue.declare";
  std::uint16_t ticket = 0;
  std::string_view queue = {};
  bool passive = false, durable = false, exclusive = false, auto_delete = false, no_wait = false;
  std::string_view arguments = {};
  static void visit(auto& m, auto& v) {
    v.number(m.ticket);
    v.short_string(m.queue);
    v.bits(m.passive, m.durable, m.exclusive, m.auto_delete, m.no_wait);
    v.long_string(m.arguments);
  }
};
struct queue_declare_ok {
  static constexpr method_id id{50, 11};
  static constexpr std::string_view name = "queue.declare-ok";
  std::string_view queue = {};
  std::uint32_t messages = 0, consumers = 0;
  static void visit(auto& m, auto& v) {
    v.short_string(m.queue);
    v.number(m.messages);
    v.number(m.consumers);
  }
};

struct queue_bind {
  static constexpr method_id id{50, 20};
  static constexpr std::string_view name = "queue.bind";
  std::uint16_t ticket = 0;
  std::string_view queue = {}, exchange = {}, routing_key = {};
  bool no_wait = false;
  std::string_view arguments = {};
  static void visit(auto& m, auto& v) {
    v.number(m.ticket);
    v.short_string(m.queue);
    v.short_string(m.exchange);
    v.short_string(m.routing_key);
    v.bits(m.no_wait);
    v.long_string(m.arguments);
  }
};
struct queue_bind_ok : empty_method {
  static constexpr method_id id{50, 21};
  static constexpr std::string_view name = "queue.bind-ok";
};

struct basic_qos {
  static constexpr method_id id{60, 10};
  static constexpr std::string_view name = "basic.qos";
  std::uint32_t prefetch_size = 0;
  std::uint16_t prefetch_count = 0;
  bool global = false;
  static void visit(auto& m, auto& v) {
    v.number(m.prefetch_size);
    v.number(m.prefetch_count);
    v.bits(m.global);
  }
};
struct basic_qos_ok : empty_method {
  static constexpr method_id id{60, 11};
  static constexpr std::string_view name = "basic.qos-ok";
};

struct basic_consume {
  static constexpr method_id id{60, 20};
  static constexpr std::string_view name = "basic.consume";
  std::uint16_t ticket = 0;
  std::string_view queue = {}, consumer_tag = {};
  bool no_local = false, no_ack = false, exclusive = false, no_wait = false;
  std::string_view arguments = {};
  static void visit(auto& m, auto& v) {
    v.number(m.ticket);
    v.short_string(m.queue);
    v.short_string(m.consumer_tag);
    v.bits(m.no_local, m.no_ack, m.exclusive, m.no_wait);
    v.long_string(m.arguments);
  }
};

struct consumer_tag_only {
  std::string_view consumer_tag = {};
  static void visit(auto& m, auto& v) { v.short_string(m.consumer_tag); }
};
struct basic_consume_ok : consumer_tag_only {
  static constexpr method_id id{60, 21};
  static constexpr std::string_view name = "basic.consume-ok";
};

struct basic_cancel {
  static constexpr method_id id{60, 30};
  static constexpr std::string_view name = "basic.cancel";
  std::string_view consumer_tag = {};
  bool no_wait = false;
  static void visit(auto& m, auto& v) {
    v.short_string(m.consumer_tag);
    v.bits(m.no_wait);
  }
};
struct basic_cancel_ok : consumer_tag_only {
  static constexpr method_id id{60, 31};
  static constexpr std::string_view name = "basic.cancel-ok";
};

struct basic_publish {
  static constexpr method_id id{60, 40};
  static constexpr std::string_view name = "basic.publish";
  std::uint16_t ticket = 0;
  std::string_view exchange = {}, routing_key = {};
  bool mandatory = false, immediate = false;
  static void visit(auto& m, auto& v) {
    v.number(m.ticket);
    v.short_string(m.exchange);
    v.short_string(m.routing_key);
    v.bits(m.mandatory, m.immediate);
  }
};

struct basic_return {
  static constexpr method_id id{60, 50};
  static constexpr std::string_view name = "basic.return";
  std::uint16_t code = 0;
  std::string_view text = {}, exchange = {}, routing_key = {};
  static void visit(auto& m, auto& v) {
    v.number(m.code);
    v.short_string(m.text);
    v.short_string(m.exchange);
    v.short_string(m.routing_key);
  }
};

struct basic_deliver {
  static constexpr method_id id{60, 60};
  static constexpr std::string_view name = "basic.deliver";
  std::string_view consumer_tag = {};
  std::uint64_t delivery_tag = 0;
  bool redelivered = false;
  std::string_view exchange = {}, routing_key = {};
  static void visit(auto& m, auto& v) {
    v.short_string(m.consumer_tag);
    v.number(m.delivery_tag);
    v.bits(m.redelivered);
    v.short_string(m.exchange);
    v.short_string(m.routing_key);
  }
};

struct basic_ack {
  static constexpr method_id id{60, 80};
  static constexpr std::string_view name = "basic.ack";
  std::uint64_t delivery_tag = 0;
  bool multiple = false;
  static void visit(auto& m, auto& v) {
    v.number(m.delivery_tag);
    v.bits(m.multiple);
  }
};
struct basic_nack {
  static constexpr method_id id{60, 120};
  static constexpr std::string_view name = "basic.nack";
  std::uint64_t delivery_tag = 0;
  bool multiple = false, requeue = true;
  static void visit(auto& m, auto& v) {
    v.number(m.delivery_tag);
    v.bits(m.multiple, m.requeue);
  }
};

struct confirm_select {
  static constexpr method_id id{85, 10};
  static constexpr std::string_view name = "confirm.select";
  bool no_wait = false;
  static void visit(auto& m, auto& v) { v.bits(m.no_wait); }
};
struct confirm_select_ok : empty_method {
  static constexpr method_id id{85, 11};
  static constexpr std::string_view name = "confirm.select-ok";
};

} // namespace patio::amqp
