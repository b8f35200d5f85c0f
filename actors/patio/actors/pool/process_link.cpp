#include <patio/actors/pool/process_link.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include <patio/functions/python_error.hpp>

namespace patio {
namespace {

constexpr std::size_t largest_idle_buffer = std::size_t{1} << 20;

} // namespace

// After an error such as EPIPE the process is ending. Its descriptor tells how.
void process_link::flush() {
  auto& bytes = out_.bytes();
  while (has_output()) {
    auto n = ::send(child_.socket(), bytes.data() + written_, bytes.size() - written_,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) break;
    written_ += static_cast<std::size_t>(n);
  }
  written_ = 0;
  bytes.clear();
  if (bytes.capacity() > largest_idle_buffer) std::string{}.swap(bytes);
}

result<void> process_link::put_request(slot_run what, const task_ptr& t) {
  auto serial = last_serial_ + 1 == 0 ? 1 : last_serial_ + 1;
  calls.push_back({what, t, serial});
  auto put = write_request(serial, *t);
  if (!put) {
    calls.pop_back();
    return put;
  }
  last_serial_ = serial;
  memory_.offer(serial);
  return {};
}

result<void> process_link::write_request(std::uint32_t serial, task& t) {
  auto before = out_.bytes().size();
  call_request request{t.entry->name, std::move(t.args), {}};
  result<void> written;
  try {
    written = out_.put_request(serial, request);
  } catch (...) {
    out_.bytes().resize(before);
    written = tl::unexpected(current_exception_error());
  }
  t.args = std::move(request.args);
  return written;
}

std::optional<std::string_view> process_link::receive(std::string& buffer) {
  if (has_ended) return {};
  auto n = ::recv(child_.socket(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n > 0) {
    auto known = read_ - received_; // these bytes have been read in the memory
    auto count = static_cast<std::uint32_t>(n);
    received_ += count;
    if (known < count) read_ = received_;
    return std::string_view{buffer}.substr(std::min(known, count), count - std::min(known, count));
  }
  has_ended = n == 0 || (errno != EAGAIN && errno != EINTR);
  return {};
}

} // namespace patio
