#include <patio/actors/pool/process_channel.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

#include <patio/actors/pool/process_messages.hpp>
#include <patio/pickle/in_place.hpp>

namespace patio {
namespace {

using protocol::frame_header;
using protocol::frame_reader;
using protocol::packet;

constexpr std::size_t largest_idle_buffer = std::size_t{1} << 20;

void check(const frame_header& h, packet type, std::size_t max_bytes) {
  if (h.type != type || h.size > max_bytes)
    exit_worker("the pool sent an unexpected " + describe_message(h) + " of "
                + std::to_string(h.size) + " bytes");
}

void send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::send(worker_socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) std::exit(EXIT_SUCCESS);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

} // namespace

void exit_worker(const std::string& why) {
  std::fprintf(stderr, "patio worker: %s\n", why.c_str());
  std::exit(EXIT_FAILURE);
}

process_channel::process_channel() {
  auto memory = process_memory::adopt(unique_fd{worker_memory});
  if (!memory) exit_worker("the shared memory: " + memory.error().message);
  memory_ = std::move(*memory);
  memory_.close_descriptor();
}

template <class Judge>
frame_reader::frame process_channel::read(Judge judge) {
  for (;;) {
    if (auto frame = reader_.next(judge)) return *frame;
    flush();
    auto n = ::recv(worker_socket, buffer_, sizeof buffer_, 0);
    if (n > 0) reader_.feed({buffer_, static_cast<std::size_t>(n)});
    else if (n == 0 || errno != EINTR) std::exit(EXIT_SUCCESS);
  }
}

frame_reader::frame process_channel::read(packet type, std::size_t max_bytes) {
  return read([&](const frame_header& h) {
    check(h, type, max_bytes);
    return frame_reader::verdict::take;
  });
}

void process_channel::write(std::string_view bytes) {
  flush();
  send(bytes);
  memory_.sent(bytes.size());
}

void process_channel::open(std::shared_ptr<const protocol::session_options> messages) {
  messages_ = std::move(messages);
  answer_.emplace(messages_);
}

// Takes a request with its header, so that a request that ends the process while it arrives does
// not end the next worker, too.
process_channel::request process_channel::read_request() {
  auto frame = read([&](const frame_header& h) {
    is_in_memory_ = h.type == request_in_memory;
    if (is_in_memory_) check(h, request_in_memory, place_bytes);
    else check(h, packet::request, messages_->limits.frame_bytes);
    if (memory_.take(h.serial)) return frame_reader::verdict::take;
    if (is_in_memory_) memory_.requests().release();
    return frame_reader::verdict::skip;
  });
  if (!is_in_memory_) return {frame.header.serial, frame.payload};
  auto at = read_place(frame.payload);
  auto payload = at ? memory_.requests().find(*at) : std::nullopt;
  if (!payload) exit_worker("the pool sent a wrong place in shared memory");
  return {frame.header.serial, *payload};
}

void process_channel::answer(std::uint32_t serial, const result<value>& r) {
  if (std::exchange(is_in_memory_, false)) memory_.requests().release();
  if (r && put_in_memory(serial, *r)) {
  } else if (r) answer_->put_result(serial, *r);
  else answer_->put_error(serial, r.error(), true);
  auto& bytes = answer_->bytes();
  if (!memory_.append(bytes)) {
    flush();
    if (!memory_.append(bytes)) write(bytes);
  }
  bytes.clear();
  if (bytes.capacity() > largest_idle_buffer) std::string{}.swap(bytes);
}

// Returns false if the result must be sent over the socket, which also reports why a result cannot
// be sent.
bool process_channel::put_in_memory(std::uint32_t serial, const value& v) {
  if (!is_large(v)) return false;
  auto& area = memory_.answers();
  auto room = area.room();
  room = room.first(std::min(room.size(), messages_->limits.frame_bytes));
  auto size = write_pickle_in_place(v, room, messages_->types);
  if (!size) return false;
  answer_->put(response_in_memory, serial, write_place(area.keep(*size)));
  return true;
}

void process_channel::flush() {
  if (memory_.unsent().empty()) return;
  send(memory_.unsent());
  memory_.sent();
}

} // namespace patio
