#include <doctest/doctest.h>

#include <patio/amqp/bodies.hpp>
#include <patio/amqp/content.hpp>

#include "amqp/linked_node.hpp"
#include "hex.hpp"
#include "json_rows.hpp"

using namespace patio;
using namespace patio::amqp;

// tests/data/amqp.jsonl holds bytes that the Python plugin and RabbitMQ 3.10 exchanged.
namespace {

std::vector<nlohmann::json> rows_of(const std::string& kind) {
  auto rows = json_rows("amqp.jsonl");
  std::erase_if(rows, [&](const auto& row) { return row["kind"] != kind; });
  REQUIRE(!rows.empty());
  return rows;
}

/// Returns the only frame of the bytes.
frame only_frame(frame_reader& reader, std::string_view bytes) {
  reader.feed(bytes);
  auto read = reader.next();
  REQUIRE(read);
  REQUIRE(*read);
  return **read;
}

void check_method(const std::string& bytes) {
  frame_reader reader{131'072};
  auto f = only_frame(reader, bytes);
  auto m = read_method(f.payload);
  REQUIRE_MESSAGE(m, text_of(m.error()));
  std::string again;
  std::visit([&](const auto& one) { put_method(again, f.channel, one); }, *m);
  CHECK(to_hex(again) == to_hex(bytes));
}

void check_content(const std::string& header, const std::string& body) {
  frame_reader reader{131'072};
  auto f = only_frame(reader, header);
  auto read = read_content_header(f.payload);
  REQUIRE_MESSAGE(read, text_of(read.error()));
  CHECK(read->body_size == body.size());
  std::string again;
  put_content(again, f.channel, read->properties, body, 131'072);
  CHECK(to_hex(again.substr(0, header.size())) == to_hex(header));
  if (!read->properties.headers) return;
  auto headers = read_table(*read->properties.headers);
  REQUIRE(headers);
  CHECK(read_table(encoded(*headers)) == *headers);
}

} // namespace

TEST_CASE("amqp: methods of the Python plugin and of RabbitMQ are read and written again") {
  for (const auto& row : rows_of("setup-frame")) {
    auto bytes = from_hex(row["frame"].get<std::string>());
    INFO(row["method"].get<std::string>());
    if (row["method"] == "protocol-header") CHECK(bytes == protocol_header);
    else check_method(bytes);
  }
  for (const auto& row : json_rows("amqp.jsonl"))
    if (row.contains("method_frame"))
      check_method(from_hex(row["method_frame"].get<std::string>()));
}

TEST_CASE("amqp: contents of the Python plugin and of RabbitMQ are read and written again") {
  for (const auto& row : json_rows("amqp.jsonl"))
    if (row.contains("header_frame") && row.contains("body"))
      check_content(from_hex(row["header_frame"].get<std::string>()),
                    from_hex(row["body"].get<std::string>()));
}

TEST_CASE("amqp: the bodies of calls are those of the Python plugin") {
  for (const auto& row : rows_of("call")) {
    auto body = from_hex(row["body"].get<std::string>());
    auto args = read_call(body, {}, {});
    REQUIRE(args);
    auto again = write_call(*args, {}, 1 << 20);
    REQUIRE(again);
    CHECK(to_hex(*again) == to_hex(body));
  }
}

TEST_CASE("amqp: the bodies of replies are those of the Python plugin") {
  for (const auto& row : rows_of("reply")) {
    auto type = row["properties"]["message_type"].get<std::string>();
    if (type == "call") continue; // a dead letter
    auto body = from_hex(row["body"].get<std::string>());
    auto outcome = read_reply(type, body, {}, {});
    bool is_error = type == "error";
    REQUIRE(outcome.has_value() == !is_error);
    // A node does not send exceptions of a class that only one peer knows.
    if (is_error && !outcome.error().exception.exception_type().starts_with("builtins.")) continue;
    auto again = write_reply(outcome, {}, 1 << 20);
    CHECK(again.type == type);
    CHECK(to_hex(again.bytes) == to_hex(body));
  }
}

TEST_CASE("amqp: odd requests are accepted or refused as by the Python plugin") {
  for (const auto& row : rows_of("odd-request")) {
    INFO(row["name"].get<std::string>());
    auto args = read_call(from_hex(row["body"].get<std::string>()), {}, {});
    bool runs_in_python = row["reply_type"] == "result";
    // The function refuses a keyword `func` in Python only, because of the plugin's parameters.
    if (row["name"] == "keyword named func") CHECK(args);
    else CHECK(args.has_value() == runs_in_python);
  }
}

TEST_CASE("amqp: a call is byte for byte the Python plugin's, but for ids and times") {
  tests::fake_rabbitmq server;
  tests::linked_node caller{server};
  caller.node().set_unix_time(std::chrono::seconds{1'764'308'468}, caller.now);
  caller.settle();
  REQUIRE(caller.seen.times_ready == 1);
  auto row = rows_of("call").front();
  caller.sent.clear();
  (void)caller.call("mul", {{6, 7}, {}}, 1);
  caller.settle();
  auto frames = caller.sent;
  auto method_bytes = from_hex(row["method_frame"].get<std::string>());
  method_bytes[2] = calls_channel;
  CHECK(to_hex(frames.substr(0, method_bytes.size())) == to_hex(method_bytes));
  auto rest = frames.substr(method_bytes.size());
  frame_reader ours{131'072}, theirs{131'072};
  auto mine = read_content_header(only_frame(ours, rest).payload).value();
  auto header = from_hex(row["header_frame"].get<std::string>());
  auto python = read_content_header(only_frame(theirs, header).payload).value();
  auto& p = python.properties;
  for (auto id : {&properties::correlation_id, &properties::reply_to, &properties::message_id}) {
    CHECK((mine.properties.*id)->size() == (p.*id)->size());
    p.*id = mine.properties.*id;
  }
  CHECK(mine.properties.correlation_id->at(14) == '4'); // UUID version 4
  CHECK(mine.properties.timestamp == 1'764'308'468);
  p.timestamp = mine.properties.timestamp;
  auto from = encoded({{"From", {std::string{*p.reply_to}}}});
  p.headers = from;
  std::string expected;
  put_content(expected, calls_channel, p, from_hex(row["body"].get<std::string>()), 131'072);
  CHECK(to_hex(rest) == to_hex(expected));
}
