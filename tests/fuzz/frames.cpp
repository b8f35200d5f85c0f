// Checks that a stream gives the same frames in any pieces as in one. Bits 0 to 2 of the first byte
// choose the verdicts about frames. Bits 3 to 7 are the number of cuts; each of the next bytes is
// the length of one piece. The rest is the stream.
#include <patio/protocol/frame.hpp>

#include <string>
#include <vector>

#include "fuzz.hpp"

namespace {

using verdict = patio::protocol::frame_reader::verdict;

/// The output of a reader: the frames that it took, written again, and every header.
struct frames_read {
  std::string taken;
  std::vector<patio::protocol::frame_header> judged;
  bool is_within_frame = false;
  friend bool operator==(const frames_read&, const frames_read&) = default;
};

class recorder {
public:
  /// With `waits`, the reader keeps later frames after each frame, as during the decoding of a
  /// payload.
  explicit recorder(unsigned verdicts, bool waits = false) : verdicts_{verdicts}, waits_{waits} {}

  void feed(std::string_view piece) {
    reader_.feed(piece);
    while (auto f =
             reader_.next([this](const patio::protocol::frame_header& h) { return judge(h); })) {
      keep(*f);
      if (waits_) reader_.keep_rest();
    }
  }
  frames_read end() {
    seen_.is_within_frame = !stopped_ && reader_.is_within_frame();
    return std::move(seen_);
  }

private:
  verdict judge(const patio::protocol::frame_header& h) {
    seen_.judged.push_back(h);
    auto type = static_cast<unsigned>(h.type);
    if ((verdicts_ & 1) != 0 && type % 4 == 1) return verdict::skip;
    if ((verdicts_ & 2) != 0 && type % 4 == 2) {
      stopped_ = true;
      return verdict::stop;
    }
    if ((verdicts_ & 4) != 0 && h.size > 64) return verdict::skip;
    return verdict::take;
  }
  void keep(const patio::protocol::frame_reader::frame& f) {
    require(f.payload.size() == f.header.size, "a frame's payload is as long as its header says");
    patio::protocol::frame_writer w{seen_.taken, f.header.type, f.header.serial};
    seen_.taken += f.payload;
    require(w.close(f.payload.size()), "a frame that was read can be written");
  }

  unsigned verdicts_;
  bool waits_;
  bool stopped_ = false;
  patio::protocol::frame_reader reader_;
  frames_read seen_;
};

frames_read in_pieces(unsigned verdicts, std::string_view stream, std::string_view cuts) {
  recorder r{verdicts, cuts.size() % 2 == 1};
  std::string piece; // overwritten by the next piece, like a socket's buffer
  for (std::size_t i = 0; !stream.empty(); ++i) {
    std::size_t length = cuts.empty() ? 1 : static_cast<unsigned char>(cuts[i % cuts.size()]);
    piece.assign(stream.substr(0, length));
    stream.remove_prefix(piece.size());
    r.feed(piece);
    if (length == 0 && i > cuts.size()) cuts = {};
  }
  return r.end();
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input{data, size};
  auto first = input.byte();
  auto verdicts = first & 7U;
  auto cuts = input.text(first >> 3);
  auto stream = input.rest();
  recorder whole{verdicts};
  whole.feed(stream);
  auto expected = whole.end();
  require(in_pieces(verdicts, stream, cuts) == expected,
          "frames do not depend on the pieces of their stream");
  if (verdicts == 0)
    require(stream.starts_with(expected.taken),
            "frames that are written again are the bytes that were read");
  return 0;
}
