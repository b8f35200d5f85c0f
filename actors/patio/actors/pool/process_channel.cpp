#include <patio/actors/pool/process_channel.hpp>

#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <patio/actors/pool/process_messages.hpp>

namespace patio {
namespace {

using protocol::frame_header;
using protocol::frame_reader;
using protocol::packet;

constexpr std::size_t largest_idle_buffer = std::size_t{1} << 20;

void check(const frame_header& h, packet type, std::size_t max_bytes) {
  if (h.type != type || h.size > max_bytes)
    exit_worker("the pool sent an unexpected " + protocol::describe(h) + " of "
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
frame_reader::frame process_channel::read_request() {
  return read([&](const frame_header& h) {
    check(h, packet::request, messages_->limits.frame_bytes);
    return memory_.take(h.serial) ? frame_reader::verdict::take : frame_reader::verdict::skip;
  });
}

void process_channel::answer(std::uint32_t serial, const result<value>& r) {
  if (r) answer_->put_result(serial, *r);
  else answer_->put_error(serial, r.error(), true);
  auto& bytes = answer_->bytes();
  if (!memory_.append(bytes)) {
    flush();
    if (!memory_.append(bytes)) write(bytes);
  }
  bytes.clear();
  if (bytes.capacity() > largest_idle_buffer) std::string{}.swap(bytes);
}

void process_channel::flush() {
  if (memory_.unsent().empty()) return;
  send(memory_.unsent());
  memory_.sent();
}

} // namespace patio
