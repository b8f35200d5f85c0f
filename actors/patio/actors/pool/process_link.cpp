#include <patio/actors/pool/process_link.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace patio {
namespace {

constexpr std::size_t largest_idle_buffer = std::size_t{1} << 20;

} // namespace

// After an error such as EPIPE the process is ending. Its descriptor tells how.
void process_link::flush() {
  auto& bytes = out_.bytes();
  while (written_ < bytes.size()) {
    auto n = ::send(child_.socket(), bytes.data() + written_, bytes.size() - written_,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) was_reset_ = true;
    if (n < 0) return;
    written_ += static_cast<std::size_t>(n);
  }
}

void process_link::forget_request() {
  auto& bytes = out_.bytes();
  written_ = 0;
  bytes.clear();
  if (bytes.capacity() > largest_idle_buffer) std::string{}.swap(bytes);
}

result<call_request> process_link::request(const pickle_limits& limits,
                                           const python_types& types) const {
  auto bytes = std::string_view{out_.bytes()};
  auto header = protocol::frame_header::size_on_wire;
  return read_call_request(bytes.substr(std::min(header, bytes.size())), limits, types);
}

std::optional<std::string_view> process_link::receive(std::string& buffer) {
  if (has_ended) return {};
  auto n = ::recv(child_.socket(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n > 0) return std::string_view{buffer}.substr(0, static_cast<std::size_t>(n));
  has_ended = n == 0 || (errno != EAGAIN && errno != EINTR);
  // A socket whose other end was closed with unread bytes is reset.
  if (n < 0 && errno == ECONNRESET) was_reset_ = true;
  return {};
}

} // namespace patio
