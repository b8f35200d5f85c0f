/// Methods of AMQP 0-9-1 for connections and channels. A method's texts are views: in a method that
/// was read they point into the frame, and in one that is written to the caller's memory.
#pragma once

#include <cstdint>
#include <string_view>

namespace patio::amqp {

struct method_id {
  std::uint16_t class_number = 0, number = 0;
  friend bool operator==(const method_id&, const method_id&) = default;
};

inline constexpr std::uint16_t basic_class = 60;

// Each struct has its fields in the order of the wire. `visit` passes them to a reader or a writer.

struct connection_start {
  static constexpr method_id id{10, 10};
  static constexpr std::string_view name = "connection.start";
  std::uint8_t major = 0, minor = 9;
  std::string_view server_properties = {}, mechanisms = {}, locales = {};
  static void visit(auto& m, auto& v) {
    v.number(m.major);
    v.number(m.minor);
    v.long_string(m.server_properties);
    v.long_string(m.mechanisms);
    v.long_string(m.locales);
  }
};

struct connection_start_ok {
  static constexpr method_id id{10, 11};
  static constexpr std::string_view name = "connection.start-ok";
  std::string_view client_properties = {}, mechanism = {}, response = {}, locale = {};
  static void visit(auto& m, auto& v) {
    v.long_string(m.client_properties);
    v.short_string(m.mechanism);
    v.long_string(m.response);
    v.short_string(m.locale);
  }
};

struct connection_tune {
  static constexpr method_id id{10, 30};
  static constexpr std::string_view name = "connection.tune";
  std::uint16_t channel_max = 0;
  std::uint32_t frame_max = 0;
  std::uint16_t heartbeat = 0; ///< seconds; 0 means none
  static void visit(auto& m, auto& v) {
    v.number(m.channel_max);
    v.number(m.frame_max);
    v.number(m.heartbeat);
  }
};

struct connection_tune_ok : connection_tune {
  static constexpr method_id id{10, 31};
  static constexpr std::string_view name = "connection.tune-ok";
};

struct connection_open {
  static constexpr method_id id{10, 40};
  static constexpr std::string_view name = "connection.open";
  std::string_view virtual_host = {}, reserved = {};
  bool insist = false;
  static void visit(auto& m, auto& v) {
    v.short_string(m.virtual_host);
    v.short_string(m.reserved);
    v.bits(m.insist);
  }
};

struct connection_open_ok {
  static constexpr method_id id{10, 41};
  static constexpr std::string_view name = "connection.open-ok";
  std::string_view reserved = {};
  static void visit(auto& m, auto& v) { v.short_string(m.reserved); }
};

struct close_reason {
  std::uint16_t code = 0;
  std::string_view text = {};
  method_id cause = {}; ///< the method that the server refused, if it was one
  static void visit(auto& m, auto& v) {
    v.number(m.code);
    v.short_string(m.text);
    v.number(m.cause.class_number);
    v.number(m.cause.number);
  }
};

struct empty_method {
  static void visit(auto&, auto&) {}
};

struct connection_close : close_reason {
  static constexpr method_id id{10, 50};
  static constexpr std::string_view name = "connection.close";
};
struct connection_close_ok : empty_method {
  static constexpr method_id id{10, 51};
  static constexpr std::string_view name = "connection.close-ok";
};

struct connection_blocked {
  static constexpr method_id id{10, 60};
  static constexpr std::string_view name = "connection.blocked";
  std::string_view reason = {};
  static void visit(auto& m, auto& v) { v.short_string(m.reason); }
};
struct connection_unblocked : empty_method {
  static constexpr method_id id{10, 61};
  static constexpr std::string_view name = "connection.unblocked";
};

struct channel_open {
  static constexpr method_id id{20, 10};
  static constexpr std::string_view name = "channel.open";
  std::string_view reserved = "0"; ///< as aiormq sends it
  static void visit(auto& m, auto& v) { v.short_string(m.reserved); }
};
struct channel_open_ok {
  static constexpr method_id id{20, 11};
  static constexpr std::string_view name = "channel.open-ok";
  std::string_view reserved = {};
  static void visit(auto& m, auto& v) { v.long_string(m.reserved); }
};

struct channel_flow {
  static constexpr method_id id{20, 20};
  static constexpr std::string_view name = "channel.flow";
  bool active = true;
  static void visit(auto& m, auto& v) { v.bits(m.active); }
};
struct channel_flow_ok : channel_flow {
  static constexpr method_id id{20, 21};
  static constexpr std::string_view name = "channel.flow-ok";
};

struct channel_close : close_reason {
  static constexpr method_id id{20, 40};
  static constexpr std::string_view name = "channel.close";
};
struct channel_close_ok : empty_method {
  static constexpr method_id id{20, 41};
  static constexpr std::string_view name = "channel.close-ok";
};

} // namespace patio::amqp
