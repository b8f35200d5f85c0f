#include <patio/protocol/frame.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace patio::protocol {
namespace {

void put_u32(char* at, std::uint32_t n) noexcept {
  for (int shift = 24; shift >= 0; shift -= 8) *at++ = static_cast<char>((n >> shift) & 0xff);
}

std::uint32_t get_u32(const char* at) noexcept {
  std::uint32_t n = 0;
  for (int i = 0; i < 4; ++i) n = (n << 8) | static_cast<unsigned char>(at[i]);
  return n;
}

} // namespace

std::string_view to_string(packet type) noexcept {
  switch (type) {
  case packet::auth_digest: return "AUTH_DIGEST";
  case packet::auth_request: return "AUTH_REQUEST";
  case packet::auth_response: return "AUTH_RESPONSE";
  case packet::auth_ok: return "AUTH_OK";
  case packet::discover_request: return "DISCOVER_REQUEST";
  case packet::discover_response: return "DISCOVER_RESPONSE";
  case packet::request: return "REQUEST";
  case packet::response: return "RESPONSE";
  case packet::error: return "ERROR";
  case packet::cancel: return "CANCEL";
  case packet::leaving: return "LEAVING";
  case packet::leaving_ok: return "LEAVING_OK";
  case packet::queues: return "QUEUES";
  case packet::credit: return "CREDIT";
  case packet::credit_used: return "CREDIT_USED";
  case packet::describe: return "DESCRIBE";
  case packet::description: return "DESCRIPTION";
  }
  return "unknown";
}

bool is_known(packet type) noexcept { return to_string(type) != "unknown"; }

frame_header read_header(std::string_view nine_bytes) noexcept {
  const auto* p = nine_bytes.data();
  return {static_cast<packet>(static_cast<signed char>(p[0])), get_u32(p + 1), get_u32(p + 5)};
}

std::string describe(const frame_header& h) {
  auto number = std::to_string(static_cast<int>(h.type));
  return std::string{to_string(h.type)} + " (type " + number + ", serial "
         + std::to_string(h.serial) + ")";
}

frame_writer::frame_writer(std::string& out, packet type, std::uint32_t serial)
    : out_{out}, begin_{out.size()} {
  char header[frame_header::size_on_wire] = {static_cast<char>(type)};
  put_u32(header + 5, serial);
  out_.append(header, sizeof header);
}

bool frame_writer::close(std::size_t limit) {
  auto size = out_.size() - begin_ - frame_header::size_on_wire;
  if (size > std::min<std::size_t>(limit, std::numeric_limits<std::uint32_t>::max()))
    return discard(), false;
  put_u32(out_.data() + begin_ + 1, static_cast<std::uint32_t>(size));
  return true;
}

void frame_writer::discard() { out_.resize(begin_); }

void frame_reader::feed(std::string_view bytes) {
  auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(to_skip_, bytes.size()));
  to_skip_ -= skipped;
  input_ = bytes.substr(skipped);
}

std::string_view frame_reader::peek(std::size_t n) {
  if (buffer_.size() == consumed_) return input_.substr(0, n);
  auto kept = buffer_.size() - consumed_;
  if (kept < n) {
    buffer_.append(input_.substr(0, n - kept));
    input_.remove_prefix(n - kept);
  }
  return std::string_view{buffer_}.substr(consumed_, n);
}

std::string_view frame_reader::take(std::size_t n) {
  auto bytes = peek(n);
  if (buffer_.size() == consumed_) input_.remove_prefix(n);
  else consumed_ += n;
  return bytes;
}

std::string frame_reader::head(std::size_t most) const {
  auto bytes = buffer_.substr(consumed_, most);
  return bytes.append(input_.substr(0, most - bytes.size()));
}

// After keep_rest() the buffer may hold bytes of the payload, and bytes of later frames.
void frame_reader::begin_skip(const frame_header& header) {
  (void)take(frame_header::size_on_wire);
  auto buffered = std::min<std::size_t>(header.size, buffer_.size() - consumed_);
  consumed_ += buffered;
  auto here = std::min<std::size_t>(header.size - buffered, input_.size());
  input_.remove_prefix(here);
  to_skip_ = header.size - buffered - here;
}

frame_reader::payload frame_reader::keep(const frame& f) {
  bool is_here = consumed_ > 0 && f.payload.data() + f.payload.size() == buffer_.data() + consumed_;
  if (!is_here) return {std::string{f.payload}};
  payload p{{}, consumed_ - f.payload.size()};
  auto rest = buffer_.substr(consumed_);
  p.bytes = std::exchange(buffer_, std::move(rest));
  p.bytes.resize(std::exchange(consumed_, 0));
  return p;
}

// Grows the buffer of a large frame in few steps, because each step copies the bytes that have
// arrived while other connections wait. The factor 32 covers the default frame limit in one step
// from half a MiB. Reserved memory costs nothing until the frame's bytes are written to it.
void frame_reader::keep_rest() {
  constexpr std::size_t large = 65'536, far_along = 524'288;
  if (stopped_) input_ = {};
  buffer_.erase(0, consumed_);
  consumed_ = 0;
  auto have = buffer_.size() + input_.size();
  if (judged_ && have >= large && have > buffer_.capacity())
    buffer_.reserve(std::min(awaited_, (have < far_along ? 8 : 32) * have));
  buffer_.append(input_);
  input_ = {};
  if (buffer_.empty() && buffer_.capacity() > large) buffer_.shrink_to_fit();
}

} // namespace patio::protocol
