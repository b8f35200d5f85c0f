#include <patio/actors/net/stream.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <new>
#include <utility>

#include <caf/actor_cast.hpp>
#include <caf/io/middleman.hpp>

#include <patio/actors/os/clock.hpp>

namespace patio::net {

stream::stream(caf::io::broker* owner, unique_fd fd, const stream_options& options)
    : owner_{owner}, options_{options}, handle_{owner->add_scribe(fd.release())} {
  // With receive_policy::exactly, CAF would allocate as much as a peer announces, and would not
  // catch a std::bad_alloc.
  owner_->configure_read(handle_, caf::io::receive_policy::at_most(smallest_read));
  owner_->ack_writes(handle_, true);
}

// CAF reads into the buffer of this message again. The buffer grows here, because CAF would grow it
// in a place where nobody catches a std::bad_alloc.
std::string_view stream::received(caf::io::new_data_msg& message) {
  if (read_size_ != next_read_size_) {
    message.buf.reserve(next_read_size_);
    owner_->configure_read(handle_, caf::io::receive_policy::at_most(next_read_size_));
    read_size_ = next_read_size_;
  }
  return {message.buf.data(), message.buf.size()};
}

void stream::adapt_read_size(std::size_t bytes, std::chrono::nanoseconds processing_time) noexcept {
  auto wanted = read_size_;
  if (processing_time >= longest_turn || bytes * 8 < read_size_)
    wanted = std::max(read_size_ / 2, smallest_read);
  else if (bytes == read_size_ && processing_time < longest_turn / 4)
    wanted = std::min(read_size_ * 4, largest_read);
  next_read_size_ = wanted;
}

void stream::pause() {
  if (open_ && !std::exchange(*paused_, true)) owner_->halt(handle_);
}

// CAF ignores a trigger in the same round of its loop as the halt, so this function posts the
// trigger to the next round. A stream that is paused again before that round stays halted.
void stream::resume() {
  if (!*paused_ || !open_) return;
  auto trigger = [alive = caf::actor_cast<caf::strong_actor_ptr>(owner_), owner = owner_,
                  handle = handle_, paused = paused_] {
    if (!*paused) owner->trigger(handle);
  };
  owner_->system().middleman().backend().post(std::move(trigger));
  *paused_ = false;
}

// Sends directly while CAF's buffer is empty. This saves a round of epoll.
write_result stream::write(std::string_view bytes) {
  std::size_t direct = 0;
  if (backlog_bytes_ == 0) {
    auto n = ::send(static_cast<int>(handle_.id()), bytes.data(), bytes.size(),
                    MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) direct = static_cast<std::size_t>(n);
  }
  sent_bytes_ += direct;
  auto rest = bytes.substr(direct);
  if (rest.empty()) return {direct, {}};
  try {
    owner_->write(handle_, rest.size(), rest.data());
  } catch (const std::bad_alloc&) {
    return {direct, {}};
  }
  owner_->flush(handle_);
  sent_bytes_ += rest.size();
  return {bytes.size(), set_backlog(backlog_bytes_ + rest.size())};
}

backlog_change stream::transferred(const caf::io::data_transferred_msg& message) {
  return set_backlog(message.remaining);
}

backlog_change stream::set_backlog(std::size_t bytes) {
  if (bytes < backlog_bytes_ || backlog_bytes_ == 0) moved_at_ = clock_now();
  backlog_bytes_ = bytes;
  bool congested = bytes > options_.high_water_bytes;
  return {std::exchange(congested_, congested) != congested, bytes > options_.write_buffer_bytes};
}

bool stream::is_stalled(instant now) const noexcept {
  return backlog_bytes_ > 0 && now - moved_at_ >= options_.write_stall_timeout;
}

// CAF's own close waits until the peer has read everything, which may never happen. It also leaks a
// descriptor that is not in the poller yet. After shutdown(2), CAF reads the end of the stream and
// then closes the descriptor.
void stream::hang_up() {
  if (!open_) return;
  (void)::shutdown(static_cast<int>(handle_.id()), SHUT_RDWR);
  resume();
}

// A connect to AF_UNSPEC resets a connection at once (Linux, connect(2)). SO_LINGER with zero would
// reset the connection only when CAF closes the descriptor, and until then a peer that reads takes
// what the kernel holds, and then an orderly end.
void stream::abort() {
  if (!open_) return;
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  (void)::connect(static_cast<int>(handle_.id()), &nobody, sizeof nobody);
  hang_up();
}

void stream::closed() {
  if (backlog_bytes_ > 0) abort();
  open_ = false;
  backlog_bytes_ = 0;
}

} // namespace patio::net
