#include <patio/protocol/frame.hpp>

#include <doctest/doctest.h>

#include <cctype>
#include <numeric>
#include <random>
#include <vector>

#include "hex.hpp"
#include "seed.hpp"

using patio::protocol::frame_header;
using patio::protocol::frame_reader;
using patio::protocol::frame_writer;
using patio::protocol::packet;

namespace {

struct seen {
  frame_header header;
  std::string payload;
  friend bool operator==(const seen&, const seen&) = default;
};

constexpr auto take_all = [](const frame_header&) { return frame_reader::verdict::take; };
constexpr auto skip_large = [](const frame_header& h) {
  return h.size > 100 ? frame_reader::verdict::skip : frame_reader::verdict::take;
};

std::string framed(packet type, std::uint32_t serial, std::string_view payload) {
  std::string out;
  frame_writer w{out, type, serial};
  out += payload;
  REQUIRE(w.close(payload.size()));
  return out;
}

template <class Judge>
std::vector<seen> read(frame_reader& reader, std::string_view piece, Judge judge) {
  std::vector<seen> frames;
  // The copy is freed at once, because the reader must not keep views into a piece.
  std::string copy{piece};
  reader.feed(copy);
  while (auto f = reader.next(judge)) frames.push_back({f->header, std::string{f->payload}});
  return frames;
}

template <class Judge>
std::vector<seen> read_in_pieces(const std::string& stream, const std::vector<std::size_t>& sizes,
                                 Judge judge) {
  frame_reader reader;
  std::vector<seen> all;
  std::size_t at = 0;
  for (auto n : sizes) {
    auto frames = read(reader, std::string_view{stream}.substr(at, n), judge);
    all.insert(all.end(), frames.begin(), frames.end());
    at += n;
  }
  CHECK(at == stream.size());
  return all;
}

/// Returns three frames to take, and among them a frame to skip.
std::string stream_with_large_frame() {
  return framed(packet::request, 1, "first") + framed(packet::response, 2, std::string(150, 'x'))
         + framed(packet::error, 0xffffffff, "")
         + framed(packet::discover_request, 0, std::string(20, '\0'));
}

std::vector<seen> frames_but_the_large() {
  return {{{packet::request, 5, 1}, "first"},
          {{packet::error, 0, 0xffffffff}, ""},
          {{packet::discover_request, 20, 0}, std::string(20, '\0')}};
}

} // namespace

TEST_CASE("frame: the recorded header is read and written with its fields") {
  CHECK(to_hex(framed(packet::auth_digest, 1, std::string(31, 'p')).substr(0, 9))
        == "000000001f00000001");
  CHECK(to_hex(framed(packet::auth_ok, 3, from_hex("80054e2e"))) == "03000000040000000380054e2e");
  CHECK(patio::protocol::read_header(from_hex("0a0102030499aabbcc"))
        == frame_header{packet::request, 0x01020304, 0x99aabbcc});
}

TEST_CASE("frame: packet types are signed, and only the types of Python patio and of the "
          "extensions have names") {
  CHECK(static_cast<int>(patio::protocol::read_header(from_hex("ff0000000000000001")).type) == -1);
  CHECK(static_cast<int>(patio::protocol::read_header(from_hex("800000000000000001")).type)
        == -128);
  std::vector<int> known;
  for (int type = -128; type < 128; ++type)
    if (is_known(static_cast<packet>(type))) known.push_back(type);
  CHECK(known == std::vector{0, 1, 2, 3, 5, 6, 10, 20, 30, 40, 45, 46, 50, 51, 60, 61, 62});
  for (int type : known) {
    CAPTURE(type); // a letter would be the first byte of another protocol
    CHECK_FALSE(std::isalpha(static_cast<unsigned char>(type)));
  }
  for (auto [type, name] : {std::pair{packet::cancel, "CANCEL"},
                            {packet::leaving, "LEAVING"},
                            {packet::leaving_ok, "LEAVING_OK"}})
    CHECK(to_string(type) == name);
}

TEST_CASE("frame: a frame whose payload exceeds the limit is removed from the output") {
  std::string out = "before";
  frame_writer w{out, packet::request, 1};
  out += "12345";
  CHECK_FALSE(w.close(4));
  CHECK(out == "before");
  frame_writer fits{out, packet::request, 1};
  out += "12345";
  CHECK(fits.close(5));
  CHECK(out.size() == 6 + 9 + 5);
}

TEST_CASE("frame_reader: every cut in two gives the same frames") {
  auto stream = stream_with_large_frame();
  for (std::size_t cut = 0; cut <= stream.size(); ++cut)
    REQUIRE(read_in_pieces(stream, {cut, stream.size() - cut}, skip_large)
            == frames_but_the_large());
}

TEST_CASE("frame_reader: every cut in three gives the same frames") {
  auto stream = framed(packet::request, 1, "ab")
                + framed(packet::response, 2, std::string(101, 'x'))
                + framed(packet::error, 3, "c");
  auto whole = read_in_pieces(stream, {stream.size()}, skip_large);
  REQUIRE(whole.size() == 2);
  for (std::size_t a = 0; a <= stream.size(); ++a)
    for (std::size_t b = a; b <= stream.size(); ++b)
      REQUIRE(read_in_pieces(stream, {a, b - a, stream.size() - b}, skip_large) == whole);
}

TEST_CASE("frame_reader: single bytes and random pieces give the same frames") {
  auto seed = test_seed();
  INFO("PATIO_TEST_SEED=" << seed);
  std::mt19937_64 random{seed};
  std::string stream;
  std::vector<seen> frames;
  for (std::uint32_t i = 0; i < 200; ++i) {
    std::string payload(random() % 150, static_cast<char>(i));
    stream += framed(packet::request, i, payload);
    if (payload.size() <= 100)
      frames.push_back({{packet::request, static_cast<std::uint32_t>(payload.size()), i}, payload});
  }
  CHECK(read_in_pieces(stream, std::vector<std::size_t>(stream.size(), 1), skip_large) == frames);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::size_t> sizes;
    for (auto left = stream.size(); left > 0; left -= sizes.back())
      sizes.push_back(std::min<std::size_t>(left, random() % 300));
    REQUIRE(read_in_pieces(stream, sizes, skip_large) == frames);
  }
}

TEST_CASE("frame_reader: each header is judged once, before its payload arrives") {
  auto stream = framed(packet::request, 7, std::string(1000, 'x'));
  frame_reader reader;
  int judged = 0;
  auto judge = [&](const frame_header& h) {
    ++judged;
    CHECK(h == frame_header{packet::request, 1000, 7});
    return frame_reader::verdict::take;
  };
  CHECK(read(reader, stream.substr(0, 8), judge).empty());
  CHECK(judged == 0);
  for (std::size_t i = 8; i < stream.size() - 1; ++i)
    REQUIRE(read(reader, stream.substr(i, 1), judge).empty());
  CHECK(judged == 1);
  CHECK(read(reader, stream.substr(stream.size() - 1), judge).size() == 1);
  CHECK(judged == 1);
}

TEST_CASE("frame_reader: a false length is judged at byte nine (F3)") {
  for (auto header : {"0affffffff00000001", "0a8000000000000001", "0a0100000100000001"}) {
    frame_reader reader;
    bool judged = false;
    auto judge = [&](const frame_header& h) {
      judged = true;
      CHECK(h.size > (1U << 24));
      return frame_reader::verdict::stop;
    };
    CHECK(read(reader, from_hex(header).substr(0, 8), judge).empty());
    CHECK_FALSE(judged);
    CHECK(read(reader, from_hex(header).substr(8), judge).empty());
    CHECK(judged);
  }
}

TEST_CASE("frame_reader: a payload of four gigabytes is skipped without being kept") {
  frame_reader reader;
  auto header = from_hex("0affffffff00000001");
  CHECK(read(reader, header, skip_large).empty());
  std::string mega(std::size_t{1} << 24, 'x');
  for (int i = 0; i < 255; ++i) {
    reader.feed(mega);
    REQUIRE_FALSE(reader.next(skip_large));
  }
  CHECK(read(reader, mega.substr(1) + framed(packet::error, 9, "after"), skip_large)
        == std::vector<seen>{{{packet::error, 5, 9}, "after"}});
}

TEST_CASE("frame_reader: a frame is skipped even if its payload already waits in the reader") {
  auto stream = stream_with_large_frame();
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    CAPTURE(cut);
    frame_reader reader;
    std::vector<seen> frames;
    for (auto piece : {stream.substr(0, cut), stream.substr(cut)}) {
      reader.feed(piece);
      while (auto f = reader.next(skip_large)) {
        frames.push_back({f->header, std::string{f->payload}});
        reader.keep_rest(); // as while the owner decodes the frame
      }
    }
    CHECK(frames == frames_but_the_large());
  }
}

TEST_CASE("frame_reader: after a stop the reader returns no frames") {
  auto stop_at_2 = [](const frame_header& h) {
    return h.serial == 2 ? frame_reader::verdict::stop : frame_reader::verdict::take;
  };
  auto stream = framed(packet::request, 1, "a") + framed(packet::request, 2, "b")
                + framed(packet::request, 3, "c");
  frame_reader reader;
  CHECK(read(reader, stream, stop_at_2) == std::vector<seen>{{{packet::request, 1, 1}, "a"}});
  CHECK(read(reader, stream, stop_at_2).empty());
  CHECK(read(reader, stream, take_all).empty());
}

TEST_CASE("frame_reader: every prefix of a stream gives its complete frames (F1)") {
  auto first = framed(packet::request, 1, "abc"),
       stream = first + framed(packet::response, 2, "defg");
  for (std::size_t n = 0; n <= stream.size(); ++n) {
    frame_reader reader;
    auto whole = n < first.size() ? 0U : n < stream.size() ? 1U : 2U;
    REQUIRE(read(reader, stream.substr(0, n), take_all).size() == whole);
  }
}

TEST_CASE("frame_reader: an empty payload is a frame (F5)") {
  frame_reader reader;
  CHECK(read(reader, from_hex("0a0000000000000005"), take_all)
        == std::vector<seen>{{{packet::request, 0, 5}, ""}});
}
