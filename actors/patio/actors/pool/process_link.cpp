#include <patio/actors/pool/process_link.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <new>
#include <utility>

#include <patio/actors/pool/process_messages.hpp>
#include <patio/base/large_memory.hpp>
#include <patio/functions/python_error.hpp>
#include <patio/pickle/in_place.hpp>

namespace patio {
namespace {

constexpr std::size_t largest_idle_buffer = std::size_t{1} << 20;
/// Memory that is in use already takes a large message in a fraction of the time of new memory.
constexpr std::chrono::seconds keep_memory{1};

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
    written = write_request(serial, request);
  } catch (...) {
    out_.bytes().resize(before);
    written = tl::unexpected(current_exception_error());
  }
  t.args = std::move(request.args);
  return written;
}

// A large request travels over the socket only if the requests before it fill the memory.
result<void> process_link::write_request(std::uint32_t serial, const call_request& request) {
  if (!is_large(request.args)) return out_.put_request(serial, request);
  auto max = messages_->limits.frame_bytes;
  auto room = memory_.requests().room();
  auto fits = room.size() >= max;
  auto size =
    write_call_request_in_place(request, room.first(std::min(room.size(), max)), messages_->types);
  has_large_message_ = true;
  if (!size && size.error().exceeded == limit::frame_bytes && !fits)
    return out_.put_request(serial, request);
  if (!size) return tl::unexpected(std::move(size.error()));
  out_.put(request_in_memory, serial, write_place(memory_.requests().keep(*size)));
  return {};
}

std::optional<process_link::payload> process_link::copy_answer(std::string_view announcement) {
  auto at = read_place(announcement);
  auto answer = at ? memory_.answers().find(*at) : std::nullopt;
  if (!answer || answer->size() > messages_->limits.frame_bytes) return {};
  payload copy{std::unique_ptr<char[]>{new (std::nothrow) char[answer->size()]}, answer->size()};
  if (copy.bytes) {
    advise_large_memory(copy.bytes.get(), copy.size);
    std::memcpy(copy.bytes.get(), answer->data(), copy.size);
  }
  memory_.answers().release();
  has_large_message_ = true;
  return copy;
}

void process_link::release_memory(instant now) noexcept {
  if (std::exchange(has_large_message_, false)) release_at_ = after(now, keep_memory);
  if (now < release_at_ || !calls.empty()) return;
  memory_.clear_areas();
  release_at_ = never;
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
