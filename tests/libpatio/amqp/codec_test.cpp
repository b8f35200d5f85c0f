#include <doctest/doctest.h>

#include <patio/amqp/content.hpp>
#include <patio/amqp/ids.hpp>
#include <patio/amqp/table.hpp>

#include "hex.hpp"

using namespace patio;
using namespace patio::amqp;

namespace {

table every_type() {
  return {{"none", {}},
          {"bool", {true}},
          {"small", {std::int64_t{-100}}},
          {"short", {std::int64_t{-30'000}}},
          {"unsigned short", {std::int64_t{60'000}}},
          {"int", {std::int64_t{-100'000}}},
          {"unsigned int", {std::int64_t{4'000'000'000}}},
          {"long", {std::int64_t{1} << 60}},
          {"double", {0.5}},
          {"decimal", {decimal{2, 314}}},
          {"time", {amqp::timestamp{1'764'308'468}}},
          {"octets", {octets{std::string{"\0\1", 2}}}},
          {"text", {std::string{"rpc.dlx"}}},
          {"array", {array{{std::int64_t{1}}, {std::string{"x"}}}}},
          {"table", {table{{"inner", {false}}}}}};
}

// Writes from the outside to the inside, because copies of every level would take seconds.
std::string nested(std::uint32_t depth, char type) {
  std::string name = type == 'F' ? std::string{"\1x", 2} : std::string{};
  auto level = static_cast<std::uint32_t>(name.size() + 1 + sizeof(std::uint32_t));
  std::string all = type == 'F' ? std::string{} : std::string{"\1x", 2};
  for (auto inside = depth; inside-- > 0;) {
    all += name + type;
    for (int shift = 24; shift >= 0; shift -= 8)
      all += static_cast<char>((level * inside >> shift) & 0xFF);
  }
  return all;
}

} // namespace

TEST_CASE("amqp::table: every type of field is read as it was written") {
  auto t = every_type();
  auto read = read_table(encoded(t));
  REQUIRE(read);
  CHECK(*read == t);
}

TEST_CASE("amqp::table: integers have the smallest type, as pamqp writes them") {
  CHECK(to_hex(encoded({{"x-expires", {std::int64_t{60'000}}}})) == "09782d6578706972657375ea60");
}

TEST_CASE("amqp::table: every truncation is refused") {
  auto bytes = encoded(every_type());
  std::size_t whole = 0;
  for (std::size_t n = 1; n < bytes.size(); ++n)
    if (read_table(bytes.substr(0, n))) ++whole;
  CHECK(whole == every_type().size() - 1); // the cuts between two fields
}

TEST_CASE("amqp::table: depth and number of fields are bounded") {
  CHECK(read_table(nested(7, 'F')));
  CHECK_FALSE(read_table(nested(100'000, 'F')));
  CHECK_FALSE(read_table(nested(100'000, 'A')));
  std::string many;
  for (int i = 0; i < 1025; ++i) many += std::string{"\1xV", 3};
  CHECK_FALSE(read_table(many));
  CHECK(read_table(std::string_view{many}.substr(3)));
  CHECK(read_table(std::string{"\1xQ", 3}).error().message.find("'Q'") != std::string::npos);
}

TEST_CASE("amqp::frame_reader: frames do not depend on the pieces of their stream") {
  std::string stream;
  put_method(stream, 1, basic_ack{.delivery_tag = 7, .multiple = true});
  put_content(stream, 1, {.type = "call"}, std::string(5000, 'x'), 4096);
  put_method(stream, 2, queue_declare{.queue = "mul"});
  auto read_all = [&](std::size_t piece) {
    frame_reader reader{4096};
    std::string seen;
    for (std::string_view rest = stream; !rest.empty();) {
      std::string part{rest.substr(0, piece)};
      rest.remove_prefix(part.size());
      reader.feed(part);
      for (auto f = reader.next(); *f; f = reader.next()) {
        seen += std::to_string(static_cast<int>((*f)->type)) + to_hex((*f)->payload) + "\n";
      }
    }
    CHECK_FALSE(reader.is_within_frame());
    return seen;
  };
  auto whole = read_all(std::string::npos);
  CHECK(std::count(whole.begin(), whole.end(), '\n') == 5);
  for (std::size_t piece : {1UL, 2UL, 7UL, 8UL, 100UL, 4095UL}) CHECK(read_all(piece) == whole);
}

TEST_CASE("amqp::frame_reader: a frame that is too long or has no end is refused") {
  auto why = [](std::string_view bytes) {
    frame_reader reader{4096};
    reader.feed(bytes);
    auto f = reader.next();
    return f ? std::string{} : f.error().message;
  };
  CHECK(why(from_hex("0100017fffffff")).find("at most 4096") != std::string::npos);
  CHECK(why(from_hex("01000100000000cd")).find("0xCE") != std::string::npos);
  CHECK(why("HTTP/1.1 400 Bad Request").find("HTTP") != std::string::npos);
  CHECK(why(std::string_view{"AMQP\0\0\x9\1", 8}).find("AMQP 0-9-1") != std::string::npos);
  CHECK(why(from_hex("15030300020228")).find("amqps") != std::string::npos);
}

TEST_CASE("amqp::read_method: every truncation and every longer payload is refused") {
  std::string frame;
  put_method(frame, 1, basic_deliver{"tag", 1, true, "", "mul"});
  auto payload = frame.substr(7, frame.size() - 8);
  REQUIRE(read_method(payload));
  for (std::size_t n = 0; n < payload.size(); ++n) CHECK_FALSE(read_method(payload.substr(0, n)));
  CHECK_FALSE(read_method(payload + '\0'));
  CHECK_FALSE(read_method(from_hex("00630001")));
}

TEST_CASE("amqp: a call key is a UUID in both directions") {
  id_source ids{[](std::size_t n) { return std::string(n, '\xff'); }};
  auto key = ids.next_call();
  CHECK(to_text(key) == "ffffffff-ffff-4fff-bfff-ffffffffffff");
  CHECK(parse_call_key(to_text(key)) == key);
  CHECK_FALSE(parse_call_key("ffffffff-ffff-4fff-bfff-fffffffffffF"));
  CHECK_FALSE(parse_call_key("ffffffffffff4fffbfffffffffffffff"));
  CHECK_FALSE(parse_call_key(""));
  CHECK(ids.hex() == std::string(32, 'f'));
}
