#include <patio/amqp/frame.hpp>

#include <algorithm>

#include <patio/amqp/wire.hpp>

namespace patio::amqp {
namespace {

constexpr std::size_t header_size = 7;
constexpr char frame_end = '\xce';

tl::unexpected<error> broken(std::string message) {
  return fail(errc::protocol, std::move(message));
}

/// Returns the reason why the bytes do not begin a frame. The first bytes show the usual mistakes.
std::string why_no_frame(std::string_view head) {
  if (head.starts_with("AMQP")) return "the server does not speak AMQP 0-9-1";
  if (head.starts_with("HTTP")) return "the server speaks HTTP, not AMQP";
  if (head.front() == 0x15 || head.front() == 0x16)
    return "the server speaks TLS: the URL must begin with amqps://";
  auto type = static_cast<unsigned char>(head.front());
  return "a frame has the unknown type " + std::to_string(type) + ": expected AMQP 0-9-1";
}

bool is_known(std::uint8_t type) noexcept { return (type >= 1 && type <= 3) || type == 8; }

} // namespace

void frame_reader::feed(std::string_view bytes) {
  keep_rest();
  input_ = bytes;
}

void frame_reader::keep_rest() {
  if (consumed_ > 0) buffer_.erase(0, consumed_);
  consumed_ = 0;
  buffer_ += input_;
  input_ = {};
}

// Joins the buffer and the input if the first `n` bytes are in both. Moves only as many bytes of
// the input as are needed.
std::string_view frame_reader::peek(std::size_t n) {
  auto kept = buffer_.size() - consumed_;
  if (kept == 0) return input_.substr(0, n);
  if (kept < n) {
    buffer_ += input_.substr(0, n - kept);
    input_.remove_prefix(n - kept);
  }
  return std::string_view{buffer_}.substr(consumed_, n);
}

void frame_reader::skip(std::size_t n) {
  auto from_buffer = std::min(n, buffer_.size() - consumed_);
  consumed_ += from_buffer;
  input_.remove_prefix(n - from_buffer);
}

result<std::optional<frame>> frame_reader::next() {
  if (available() < header_size) {
    // Four bytes are enough to see that the server speaks another protocol.
    if (available() >= 4 && !is_known(static_cast<std::uint8_t>(peek(4).front())))
      return broken(why_no_frame(peek(4)));
    keep_rest();
    return std::nullopt;
  }
  byte_reader head{peek(header_size)};
  auto type = head.number<std::uint8_t>();
  if (!is_known(type)) return broken(why_no_frame(peek(header_size)));
  auto channel = head.number<channel_number>();
  std::size_t size = head.number<std::uint32_t>();
  if (size > max_frame_ - frame_overhead)
    return broken("a frame has " + std::to_string(size + frame_overhead) + " bytes, but at most "
                  + std::to_string(max_frame_) + " are allowed");
  if (available() < size + frame_overhead) {
    keep_rest();
    return std::nullopt;
  }
  auto whole = peek(size + frame_overhead);
  if (whole.back() != frame_end) return broken("a frame does not end with the byte 0xCE");
  skip(whole.size());
  return frame{static_cast<frame_type>(type), channel, whole.substr(header_size, size)};
}

frame_writer::frame_writer(std::string& out, frame_type type, channel_number channel) : out_{out} {
  put_number(out_, static_cast<std::uint8_t>(type));
  put_number(out_, channel);
  put_number(out_, std::uint32_t{0});
  begin_ = out_.size();
}

frame_writer::~frame_writer() {
  auto size = static_cast<std::uint32_t>(out_.size() - begin_);
  for (int i = 0; i < 4; ++i)
    out_[begin_ - 4 + static_cast<std::size_t>(i)] = static_cast<char>(size >> (24 - 8 * i));
  out_ += frame_end;
}

} // namespace patio::amqp
