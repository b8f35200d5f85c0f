// The same exchange of messages through RabbitMQ as a call of patio, with nothing around it: no
// pickles, no functions, no deadlines. rabbitmq-c, one thread for each side.
//   rabbitmq_bare PORT server
//   rabbitmq_bare PORT client IN_FLIGHT CALLS
// The client publishes a request with `mandatory` and waits for its reply. The server publishes the
// reply, and acknowledges the request behind the confirm of the reply. Both use confirms. The
// server prints "serving". The client prints the calls per second.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>

#include <amqp.h>
#include <amqp_tcp_socket.h>

namespace {

constexpr amqp_channel_t channel = 1;
constexpr const char* requests = "patio.bare";
constexpr std::uint16_t prefetch = 16;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "rabbitmq_bare: %s failed\n", what);
  std::exit(1);
}

struct side {
  amqp_connection_state_t link = amqp_new_connection();
  std::string own_queue;
  std::deque<std::uint64_t> unconfirmed; ///< tags of the requests, in the order of their replies
  std::uint64_t first_unconfirmed = 1;
  std::string body = std::string(60, 'x'); // as large as the pickle of mul(3, 4)

  explicit side(int port) {
    require(amqp_socket_open(amqp_tcp_socket_new(link), "127.0.0.1", port) == 0, "connect");
    auto login = amqp_login(link, "/", 0, 131072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest");
    require(login.reply_type == AMQP_RESPONSE_NORMAL, "login");
    require(amqp_channel_open(link, channel) != nullptr, "channel.open");
    require(amqp_confirm_select(link, channel) != nullptr, "confirm.select");
    require(amqp_basic_qos(link, channel, 0, prefetch, 0) != nullptr, "basic.qos");
  }

  void consume(const char* queue, bool is_own) {
    auto* made = amqp_queue_declare(link, channel, amqp_cstring_bytes(queue), 0, 0, is_own, is_own,
                                    amqp_empty_table);
    require(made != nullptr, "queue.declare");
    own_queue.assign(static_cast<char*>(made->queue.bytes), made->queue.len);
    require(amqp_basic_consume(link, channel, amqp_cstring_bytes(own_queue.c_str()),
                               amqp_empty_bytes, 0, is_own, is_own, amqp_empty_table)
              != nullptr,
            "basic.consume");
  }

  void publish(amqp_bytes_t queue, amqp_bytes_t correlation, bool is_request) {
    amqp_basic_properties_t p{};
    p._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG
               | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_REPLY_TO_FLAG
               | AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TYPE_FLAG;
    p.content_type = amqp_cstring_bytes("application/python-pickle");
    p.correlation_id = correlation;
    p.delivery_mode = 1;
    p.reply_to = amqp_cstring_bytes(own_queue.c_str());
    p.message_id = amqp_cstring_bytes("0123456789abcdef0123456789abcdef");
    p.type = amqp_cstring_bytes(is_request ? "call" : "result");
    require(amqp_basic_publish(link, channel, amqp_empty_bytes, queue, is_request, 0, &p,
                               {body.size(), body.data()})
              == 0,
            "basic.publish");
  }

  /// Waits for the next message. Handles the confirms before it.
  bool next(amqp_envelope_t& message, bool acknowledges) {
    for (;;) {
      amqp_maybe_release_buffers(link);
      auto got = amqp_consume_message(link, &message, nullptr, 0);
      if (got.reply_type == AMQP_RESPONSE_NORMAL) return true;
      if (got.library_error != AMQP_STATUS_UNEXPECTED_STATE) return false;
      amqp_frame_t frame;
      require(amqp_simple_wait_frame(link, &frame) == 0, "frame");
      if (frame.frame_type != AMQP_FRAME_METHOD || frame.payload.method.id != AMQP_BASIC_ACK_METHOD)
        return false;
      auto* ack = static_cast<amqp_basic_ack_t*>(frame.payload.method.decoded);
      for (; acknowledges && first_unconfirmed <= ack->delivery_tag; ++first_unconfirmed) {
        require(amqp_basic_ack(link, channel, unconfirmed.front(), 0) == 0, "basic.ack");
        unconfirmed.pop_front();
      }
    }
  }
};

int serve(int port) {
  side s{port};
  s.consume(requests, false);
  std::puts("serving");
  std::fflush(stdout);
  for (amqp_envelope_t m; s.next(m, true); amqp_destroy_envelope(&m)) {
    s.unconfirmed.push_back(m.delivery_tag);
    s.publish(m.message.properties.reply_to, m.message.properties.correlation_id, false);
  }
  return 0;
}

int call(int port, int in_flight, int calls) {
  side s{port};
  s.consume("", true);
  auto request = [&] {
    s.publish(amqp_cstring_bytes(requests),
              amqp_cstring_bytes("01234567-89ab-4def-8123-456789abcdef"), true);
  };
  auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < in_flight; ++i) request();
  int sent = in_flight, answered = 0;
  for (amqp_envelope_t m; answered < calls && s.next(m, false); amqp_destroy_envelope(&m)) {
    ++answered;
    if (sent++ < calls) request();
  }
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
  std::printf("%.0f\n", answered / seconds.count());
  return answered == calls ? 0 : 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[2], "server") == 0) return serve(std::atoi(argv[1]));
  if (argc == 5 && std::strcmp(argv[2], "client") == 0)
    return call(std::atoi(argv[1]), std::atoi(argv[3]), std::atoi(argv[4]));
  std::fputs("usage: rabbitmq_bare PORT server | PORT client IN_FLIGHT CALLS\n", stderr);
  return 2;
}
