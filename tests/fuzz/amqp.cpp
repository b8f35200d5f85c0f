// Checks everything that a RabbitMQ server can send. Bits 0 and 1 of the first byte choose what the
// rest is:
//   0  a stream from the server, from its first byte; the next byte is the length of the pieces
//   1  the same, behind a proper handshake and with a call in flight
//   2  a table, a method, a content header, the body of a call and of a reply
//   3  a stream of messages: the fuzzer chooses channel, properties and bodies
#include <patio/amqp/bodies.hpp>
#include <patio/amqp/node.hpp>

#include <string>
#include <variant>
#include <vector>

#include "fuzz.hpp"

namespace {

using namespace patio;
using namespace patio::amqp;

constexpr instant begun = std::chrono::hours{1};

template <class Method>
std::string frame_of(channel_number channel, const Method& m) {
  std::string out;
  put_method(out, channel, m);
  return out;
}

std::string random_bytes_for_fuzzing(std::size_t count) {
  static unsigned next = 0;
  std::string bytes(count, '\0');
  for (auto& c : bytes) c = static_cast<char>((next = next * 1'103'515'245 + 12'345) >> 16);
  return bytes;
}

/// A node that calls and serves. Counts the endings of its calls.
class fuzzed_node {
public:
  fuzzed_node() : node_{options(), functions()} {
    node_.start(begun);
    drain();
  }

  void give(std::string_view bytes, std::size_t piece) {
    while (!bytes.empty() && !is_lost_) {
      std::string part{bytes.substr(0, piece)};
      bytes.remove_prefix(part.size());
      node_.receive(part, begun);
      drain();
    }
  }
  void open() {
    give(frame_of(0, connection_start{.mechanisms = "PLAIN", .locales = "en_US"})
           + frame_of(0, connection_tune{.channel_max = 10, .frame_max = 65'536, .heartbeat = 60})
           + frame_of(0, connection_open_ok{}) + frame_of(1, channel_open_ok{})
           + frame_of(1, queue_declare_ok{}) + frame_of(1, exchange_declare_ok{})
           + frame_of(1, queue_bind_ok{}) + frame_of(1, queue_bind_ok{})
           + frame_of(1, basic_consume_ok{}) + frame_of(2, channel_open_ok{})
           + frame_of(2, confirm_select_ok{}) + frame_of(3, channel_open_ok{})
           + frame_of(3, confirm_select_ok{}) + frame_of(3, basic_qos_ok{})
           + frame_of(3, queue_declare_ok{}),
         std::string::npos);
    give(frame_of(3, basic_consume_ok{}), std::string::npos);
    require(node_.is_ready(), "the node is ready after a proper handshake");
    key_ = node_.call(1, {"f", {{1}, {}}, {}}, begun);
    drain();
  }
  /// The correlation id of the call in flight, which a hostile server knows.
  [[nodiscard]] std::string call_id() const { return to_text(key_); }
  void end() {
    node_.shut_down({errc::shut_down, {}, {}}, begun);
    drain();
    require(node_.in_flight().outbound == 0, "no call survives its node");
    require(key_ == call_key{} || endings_ == 1, "a call ends once");
  }

private:
  static node_options options() {
    node_options o;
    o.random = random_bytes_for_fuzzing;
    o.limits.frame_bytes = 65'536;
    return o;
  }
  static registry functions() {
    registry rpc;
    rpc.add("f", [](value v) { return v; }, {.quick = true});
    rpc.lock();
    return rpc;
  }
  void drain() {
    std::vector<node_event> events;
    for (node_.take_events(events); !events.empty(); node_.take_events(events)) {
      for (auto& e : events) {
        if (std::holds_alternative<dial_server>(e)) node_.connected(begun);
        if (std::holds_alternative<server_lost>(e)) is_lost_ = true;
        if (std::holds_alternative<call_finished>(e)) ++endings_;
        if (auto* x = std::get_if<execute_call>(&e)) node_.answer(x->id, value{1}, begun);
      }
      events.clear();
    }
    std::string out;
    node_.take_output(out, begun);
    if (out.starts_with("AMQP")) out.erase(0, protocol_header.size());
    reader_.feed(out);
    for (auto f = reader_.next();; f = reader_.next()) {
      require(f.has_value(), "the node sends proper frames");
      if (!*f) break;
      if ((*f)->type == frame_type::method)
        require(read_method((*f)->payload).has_value(), "the node sends proper methods");
    }
  }

  node node_;
  frame_reader reader_{131'072};
  call_key key_;
  unsigned endings_ = 0;
  bool is_lost_ = false;
};

void check_parts(std::string_view bytes) {
  if (auto t = read_table(bytes)) {
    auto again = read_table(encoded(*t));
    require(again.has_value(), "a table that was read can be written and read");
    require(encoded(*again) == encoded(*t), "a table keeps its bytes");
  }
  if (auto m = read_method(bytes)) {
    std::string frame;
    std::visit([&](const auto& one) { put_method(frame, 1, one); }, *m);
    require(read_method(std::string_view{frame}.substr(7, frame.size() - 8)).has_value(),
            "a method that was read can be written and read");
  }
  if (auto h = read_content_header(bytes)) {
    std::string frames;
    put_content(frames, 1, h->properties, "x", 131'072);
    auto payload = std::string_view{frames}.substr(7, frames.size() - 8 - 9);
    require(read_content_header(payload).value().properties == h->properties,
            "properties that were read can be written and read");
  }
  if (auto call = read_call(bytes, {}, {}))
    if (auto again = write_call(*call, {}, 1 << 24))
      require(read_call(*again, {}, {}).has_value(), "a call that was read can be sent on");
  (void)read_reply("result", bytes, {}, {});
  (void)read_reply("error", bytes, {}, {});
}

std::string messages(fuzz_input& input, const std::string& call_id) {
  constexpr std::string_view types[] = {"result", "error", "call", "", "other"};
  std::string stream;
  while (!input.empty() && stream.size() < 100'000) {
    auto kind = input.byte();
    auto channel = static_cast<channel_number>(1 + kind % 3);
    auto size = input.byte();
    properties p{.type = types[(kind >> 3) % 5]};
    if ((kind & 64) != 0) p.correlation_id = call_id;
    if ((kind & 128) != 0) p.reply_to = "amq_someone";
    p.headers = input.text(size / 4);
    if (channel == calls_channel) put_method(stream, channel, basic_return{312, "", "", "f"});
    else put_method(stream, channel, basic_deliver{"", kind, (kind & 4) != 0, "", "f"});
    put_content(stream, channel, p, input.text(size), 4096);
    if ((kind & 7) == 7) put_method(stream, calls_channel, basic_ack{kind, true});
  }
  return stream;
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  auto first = input.byte();
  if ((first & 3) == 2) {
    check_parts(input.rest());
    return 0;
  }
  fuzzed_node node;
  auto piece = (first & 3) == 3 ? std::string::npos : std::size_t{1} + input.byte();
  if ((first & 3) != 0) node.open();
  if ((first & 3) == 3) node.give(messages(input, node.call_id()), piece);
  else node.give(input.rest(), piece);
  node.end();
  return 0;
}
